"""Starts runs, asks Airflow whether one lives, and finds what stands still, from inside a task.

Nothing of what stands still fails or ends, so nobody would be told before a deadline hours later: paused DAGs, and changes
whose tasks get no slot of their pool. A task cannot ask Airflow for its pools: that a pool is gone or has no slots shows by a
task that is scheduled while no task of the pool is at work.

Starting many runs from one task is no public API in Airflow 3.3 (`DagRunTriggerException` starts one): this module is
the only one that speaks to the supervisor, and a test runs it against a real Airflow.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DagResult, ErrorResponse, GetDag, TriggerDagRun
from sqlalchemy import Engine

from device_association.messaging.messages import Message
from device_association.monitoring.snapshot import list_quiet_changes
from device_association_airflow.dag_defaults import POOL

ASSOCIATE, APPROVE = "associate_customer", "approve_bulk_changes"
NEVER_PAUSED = (
    *(ASSOCIATE, "listen_bulk_changes", "sweep_associations", "approve_bulk_changes", "apply_scheduled_rate_plans"),
    "tidy_working_tables",
)
"""DAGs that are to be at work at any time."""
ALSO_PAUSED = ("reconcile_associations", "redrive_dead_letters", "refresh_association_form")
"""DAGs that somebody may pause, but not in the middle of a run."""
IN_POOL = ["create_rev_service"]
AT_WORK = ["queued", "running", "restarting"]


def create_run(run_id: str, message: Message) -> bool:
    """Create a run of `associate_customer` for a message; return False when a run of that id exists already."""
    conf = {"bulk_change_id": message.bulk_change_id, "retry_number": message.retry_number}
    return _create(ASSOCIATE, run_id, conf)


def ask_for_approvals(now: datetime) -> None:
    """Create the run that asks a person about every change that no run asks about yet."""
    _create(APPROVE, f"approvals__{now:%Y%m%dT%H%M%S}", {})


def _create(dag_id: str, run_id: str, conf: dict[str, int]) -> bool:
    answer = task_runner.SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=conf))
    if isinstance(answer, ErrorResponse):
        if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
            return False
        raise RuntimeError(f"Airflow did not start run {run_id} of {dag_id}: {answer.error} {answer.detail}")
    return True


def is_run_active(run_id: str) -> bool:
    """Whether a run of `associate_customer` is queued or running; one that is gone does not live."""
    count: int = task_runner.RuntimeTaskInstance.get_dr_count(ASSOCIATE, run_ids=[run_id], states=["queued", "running"])
    return count > 0


def is_paused(dag_id: str) -> bool:
    """Whether a DAG is paused: then no further task of its runs begins; False for a DAG that there is not."""
    answer = task_runner.SUPERVISOR_COMMS.send(GetDag(dag_id=dag_id))
    return isinstance(answer, DagResult) and answer.is_paused


def count_tasks(states: list[str], *, task_ids: list[str] | None = None, run_ids: list[str] | None = None) -> int:
    """Return how many tasks of `associate_customer` are in these states, all or of some tasks or runs."""
    count: int = task_runner.RuntimeTaskInstance.get_ti_count(
        ASSOCIATE, task_ids=task_ids, run_ids=run_ids, states=states
    )
    return count


def dag_runs(dag_id: str) -> bool:
    """Whether a DAG has a run that is queued or running."""
    count: int = task_runner.RuntimeTaskInstance.get_dr_count(dag_id, states=["queued", "running"])
    return count > 0


def find_stopped(engine: Engine, now: datetime) -> dict[str, str]:
    """Return what stands still, by name, with what a person is told of it."""
    return paused_dags() | waiting_changes(engine, now)


def paused_dags() -> dict[str, str]:
    """Return the DAGs that are paused and should not be."""
    in_run = [dag_id for dag_id in ALSO_PAUSED if dag_runs(dag_id)]
    return {
        dag_id: f"DAG {dag_id} is paused: no further task of it begins; unpause it"
        for dag_id in (*NEVER_PAUSED, *in_run)
        if is_paused(dag_id)
    }


def waiting_changes(engine: Engine, now: datetime) -> dict[str, str]:
    """Return the pool, if the tasks of a change wait for its slots while none of its slots is used."""
    quiet = list_quiet_changes(engine, now=now)
    if not quiet or count_tasks(AT_WORK, task_ids=IN_POOL):
        return {}
    waiting = [one for one in quiet if count_tasks(["scheduled"], task_ids=IN_POOL, run_ids=[one.run_id])]
    if not waiting:
        return {}
    named = ", ".join(str(one.bulk_change_id) for one in waiting)
    said = f"the lines of bulk changes {named} wait for a slot of the pool {POOL!r}, and no task of the pool is at work"
    return {f"pool {POOL}": f"{said}: see that the pool exists and has slots"}

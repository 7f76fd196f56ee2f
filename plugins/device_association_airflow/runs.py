"""Starts runs and asks Airflow whether one lives, from inside a task.

Starting many runs from one task is no public API in Airflow 3.3 (`DagRunTriggerException` starts one): this module is
the only one that speaks to the supervisor, and a test runs it against a real Airflow.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DagResult, ErrorResponse, GetDag, TriggerDagRun

from device_association.messaging.messages import Message

ASSOCIATE, APPROVE = "associate_customer", "approve_bulk_changes"


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

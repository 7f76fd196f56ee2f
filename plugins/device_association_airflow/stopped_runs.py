"""What stands still in Airflow: paused DAGs, and changes whose tasks get no slot of their pool.

Nothing of this fails or ends, so nobody would be told before a deadline hours later. A task cannot ask Airflow for its pools:
that a pool is gone or has no slots shows by a task that is scheduled while no task of the pool is at work.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from device_association.monitoring.snapshot import list_quiet_changes
from device_association_airflow import runs
from device_association_airflow.association_tasks import POOL
from device_association_airflow.runs import ASSOCIATE

NEVER_PAUSED = (
    *(ASSOCIATE, "listen_bulk_changes", "sweep_associations", "approve_bulk_changes", "apply_scheduled_rate_plans"),
    "tidy_working_tables",
)
"""DAGs that are to be at work at any time."""
ALSO_PAUSED = ("reconcile_associations", "redrive_dead_letters", "refresh_association_form")
"""DAGs that somebody may pause, but not in the middle of a run."""
IN_POOL = ["create_rev_service"]
AT_WORK = ["queued", "running", "restarting"]


def find_stopped(engine: Engine, now: datetime) -> dict[str, str]:
    """Return what stands still, by name, with what a person is told of it."""
    return paused_dags() | waiting_changes(engine, now)


def paused_dags() -> dict[str, str]:
    """Return the DAGs that are paused and should not be."""
    in_run = [dag_id for dag_id in ALSO_PAUSED if runs.dag_runs(dag_id)]
    return {
        dag_id: f"DAG {dag_id} is paused: no further task of it begins; unpause it"
        for dag_id in (*NEVER_PAUSED, *in_run)
        if runs.is_paused(dag_id)
    }


def waiting_changes(engine: Engine, now: datetime) -> dict[str, str]:
    """Return the pool, if the tasks of a change wait for its slots while none of its slots is used."""
    quiet = list_quiet_changes(engine, now=now)
    if not quiet or runs.count_tasks(AT_WORK, task_ids=IN_POOL):
        return {}
    waiting = [one for one in quiet if runs.count_tasks(["scheduled"], task_ids=IN_POOL, run_ids=[one.run_id])]
    if not waiting:
        return {}
    named = ", ".join(str(one.bulk_change_id) for one in waiting)
    said = f"the lines of bulk changes {named} wait for a slot of the pool {POOL!r}, and no task of the pool is at work"
    return {f"pool {POOL}": f"{said}: see that the pool exists and has slots"}

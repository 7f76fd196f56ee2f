"""
# Sweep associations

Picks up every two minutes what was left lying, so that every bulk change comes to its end without anybody looking at a
database. What is in work is not touched; a sweep too many changes nothing.

**What each task does.**
`settle_outcomes` looks up calls to Rev.io whose outcome nobody learned before their change ended. A line that is found is
recorded and its device is tried again, by the actor *reconciliation*; one that stayed absent is told as a finding: *safe to
retry*. `requeue_stalled` sends the message again of a change that waits in vain: its message was lost, or its run died.
`close_overdue` ends a change that is well past its deadline and in nobody's hands. `run_missing_procedures` runs
usp_UpdateCrossProviderDeviceHistory and UPDATE_DEVICE_REV_SERVICE_LINKS where a run died before them. `ask_for_approvals`
starts a run of *Approve bulk changes* for each change that waits for one, and ends those that nobody answered in 72 hours.
`look_at_dead_letters` records what is in the dead-letter queue and why, for the portal's screen *Dead letters*; *Redrive
dead letters* decides. `send_messages` and `send_notifications` send what is owed to the queue and to the 2.0 system.

**Run it yourself** after an outage of queue, Rev.io or 2.0, if two minutes are too long: press *Trigger*.

**When it is red.** The red task's first log line names what does not answer: the connection `bulk_change_queue`, a Rev.io
account whose credentials are refused, `amop_2_0`. Mend that; nothing is lost meanwhile, the next sweep goes on.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks import maintenance as tasks
from device_association_airflow.tasks.dead_letters import look_at_dead_letters


@dag(
    **DAG_DEFAULTS,
    schedule=CronTriggerTimetable("*/2 * * * *", timezone="UTC"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    doc_md=__doc__,
    dag_display_name="Sweep associations",
)
def sweep_associations() -> None:
    """Pick up what was left lying, then send what is owed."""
    found = [
        tasks.settle_outcomes(),
        tasks.requeue_stalled(),
        tasks.close_overdue(),
        tasks.run_missing_procedures(),
        tasks.ask_for_approvals(),
        look_at_dead_letters(),
    ]
    for sent in (tasks.send_messages(), tasks.send_notifications()):
        found >> sent


sweep_associations()

"""
# Apply scheduled rate plans

Every full hour, sets the customer rate plans whose date has come: plan, pool and data allocation of each device, with the
history, the log of its bulk change, and the cross-provider history from the plan's date on.

**What a run takes.** Everything due by the end of its interval and not done yet, also what earlier runs missed. After an
outage the next run does it all. A date without a zone was the tenant's local time; it is kept in UTC, so that the clocks'
changes move nothing.

**What becomes of a plan.** The result of `apply_due_plans` counts it. `APPLIED`: set. `CUSTOMER_CHANGED`: the device has
another customer, or none, by now. `DEVICE_ARCHIVED`. `PLAN_NOT_FOUND`: the plan or pool was deleted. `SUPERSEDED`: the
device has a plan with a later date. `WAITING`: a bulk change is at work on the device; the next run tries again. A refused
plan is done: its reason is in the log of its bulk change and in `device_association.plan_outcome`, and to have it after
all the device is associated with it again.

**Run it yourself** with *Trigger*, to take at once what is due now. A *backfill* over past hours is safe, in any order,
any number of times and beside the hourly run: each plan is done once. It is seldom needed. A run for hours that have not
come yet does nothing and is red.

**When it is red.** The first log line says what to do: the portal's database could not be used, or the run was for the
future. Nothing is half done: a batch of devices is done or not. Clear the task, or wait for the next hour.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks.rate_plans import apply_due_plans


@dag(
    **DAG_DEFAULTS,
    schedule=CronTriggerTimetable("0 * * * *", timezone="UTC", interval=timedelta(hours=1), run_immediately=True),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=9),
    doc_md=__doc__,
    dag_display_name="Apply scheduled rate plans",
)
def apply_scheduled_rate_plans() -> None:
    """Set the customer rate plans whose date has come."""
    apply_due_plans()


apply_scheduled_rate_plans()

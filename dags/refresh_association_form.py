"""
# Refresh the association form

Looks up once an hour which carriers, carrier plans, and things that Rev.io sells there are, so that the trigger form of
*Associate devices with a customer* offers them by name. It changes nothing else.

**Run it yourself** when something new is missing in a drop-down: press *Trigger*, wait a minute, open the form again. A
list of more than 500 is not offered; its field then takes an id.

**When it is red.** The portal's database could not be read: the log names the connection. The form goes on with the
lists it has; nothing else depends on this, so it is never urgent.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks.association import store_choices


@dag(
    **DAG_DEFAULTS,
    schedule=CronTriggerTimetable("0 * * * *", timezone="UTC", run_immediately=True),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    doc_md=__doc__,
    dag_display_name="Refresh the association form",
)
def refresh_association_form() -> None:
    """Store what the drop-downs of the form offer."""
    store_choices()


refresh_association_form()

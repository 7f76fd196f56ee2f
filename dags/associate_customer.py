"""
# Associate devices with a customer

One run brings one bulk change to its end: it checks every device, creates each missing line in Rev.io exactly once, gives
the devices to the customer, and writes the audit trail.

**Who starts it.** The listener, for each message of the queue. A person, with *Trigger*: fill in an existing change's id,
or a whole request. Your sign-in name is kept as the actor, and your rights in the portal count.

**What the colours say.** Green: the change reached at least one device, or another run has it. Red: the change ended as
ERROR, or a step died for good. Devices that were refused are rows of the change, never red tasks.

**When it is red.** Open the last red task: its first log line says what to do. A retry of the change starts where this
one stopped; nothing is billed twice. Clearing a task is safe while the change is open, and does nothing after its end.

**Where to look.** The details of `check_data` have a button to the report of the data checks; the result of
`close_bulk_change` counts the devices by code; `create_rev_service` has one entry for each ICCID, or for each slice of a
big change.
"""

from datetime import timedelta

from airflow.sdk import chain, dag

from device_association_airflow.alert_notifiers import late_alert
from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks import association as tasks
from device_association_airflow.trigger_form import association_form, stored_choices


@dag(
    **DAG_DEFAULTS,
    schedule=None,
    params=association_form(stored_choices()),
    max_active_runs=64,
    max_active_tasks=32,
    dagrun_timeout=timedelta(days=4),
    deadline=late_alert(),
    doc_md=__doc__,
    dag_display_name="Associate devices with a customer",
)
def associate_customer() -> None:
    """Associate one bulk change's devices with its customer."""
    slices = tasks.plan_rev_services()
    chain(
        tasks.open_bulk_change(),
        tasks.validate_devices(),
        tasks.check_data(),
        slices,
        tasks.create_rev_service.expand(slice_number=slices),
        tasks.associate_devices(),
        tasks.update_cross_provider_device_history(),
        tasks.update_device_rev_service_links(),
        tasks.close_bulk_change(),
        tasks.notify_2_0(),
    )


associate_customer()

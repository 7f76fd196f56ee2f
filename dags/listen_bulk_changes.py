"""
# Listen for bulk changes

Waits for messages of the portal and starts a run of *Associate devices with a customer* for each. Always one run is
active, for an hour or until the next message after it. Its two tasks wait in the triggerer and hold no slot: while one starts
runs, the other listens, and of a burst each starts half.

**What becomes of a message.** Its run exists: the message is deleted. It is stale, or its change has ended: deleted. It
cannot be read, or its change or retry does not exist: left, and after five receptions a dead letter. It delays nobody.

**When it is red.** The queue could not be reached, or a run could not be started: the log names the connection or the
message. The next run starts by itself; no message is lost, for each is deleted only when its run exists.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag

from device_association_airflow import connections
from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.operators.bulk_change_sensor import BulkChangeSensor


@dag(
    **DAG_DEFAULTS,
    schedule="@continuous",
    start_date=datetime(
        2026, 1, 1, tzinfo=UTC
    ),  # without one the second run gets the first one's date, and never comes
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Listen for bulk changes",
)
def listen_bulk_changes() -> None:
    """Start a run for each message of the queue."""
    for number in (1, 2):
        BulkChangeSensor(
            task_id=f"poll_queue_{number}",
            sqs_queue=connections.settings().queue_url,
            priority_weight=1000,  # a message waits for no slot that a change could have
            weight_rule="absolute",
            retries=10,
            retry_delay=timedelta(seconds=5),
            execution_timeout=timedelta(minutes=10),
        )


listen_bulk_changes()

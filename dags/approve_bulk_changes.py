"""
# Approve bulk changes

Asks a second person about bulk changes that their tenants' thresholds hold back. *Sweep associations* starts a run for all
that none asks about yet; it waits in no slot.

**How to answer.** Open *Required actions*, read who asks for what and why it needs you, choose *Approve* or *Refuse*, and say
why: a refusal needs it. The same can be answered on the change's page in the portal. The first answer counts; the other is
told so, and its task ends as skipped. Who asked for the change cannot answer, nor can who has no edit permission on M2M.

**What becomes of it.** Approved: each device is checked anew, since the change held none while it waited, and it is enqueued.
Refused, or nobody answered within 72 hours: it ends as CANCELED, nothing of it was begun. A retry asks anew.

**When it is red.** The answer could not be given: the first log line of `answer` says why (no permission, an own request, a
refusal without a reason). Clear the change's task `ask` to be asked again, or answer in the portal. Where the worker died
right after the answer, the question comes again by itself.
"""

from airflow.sdk import dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks import approval as tasks


@dag(
    **DAG_DEFAULTS,
    schedule=None,
    max_active_runs=64,
    max_active_tasks=1024,
    doc_md=__doc__,
    dag_display_name="Approve bulk changes",
)
def approve_bulk_changes() -> None:
    """Ask about each bulk change, and give it the answer."""
    tasks.approval.expand(bulk_change_id=tasks.take_questions())


approve_bulk_changes()

"""The tasks of `approve_bulk_changes`: what a person is asked, and what becomes of the answer."""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from device_association import approvals
from device_association.callers import Right, find_caller
from device_association.errors import RequestRefused
from device_association_airflow import connections
from device_association_airflow.association_tasks import POLICY
from device_association_airflow.claim_errors import speaks_plainly

APPROVE, REFUSE = "Approve", "Refuse"
ASK, DESCRIBE = "ask", "describe"
log = logging.getLogger(__name__)


@task.short_circuit(**POLICY)
@speaks_plainly
def describe() -> str | None:
    """Say what a person is asked about the change; where the answer is there already, the run ends here."""
    return approvals.question(connections.portal(), get_current_context()["params"]["bulk_change_id"])


class AskOperator(HITLOperator):
    """Waits for a person's answer in Airflow; when nobody gives one in time the run ends as skipped, not as failed."""

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the answer."""
        try:
            return super().execute_complete(context, event)
        except HITLTimeoutError:
            raise AirflowSkipException("nobody answered in time; the sweep ends the change") from None


def ask() -> AskOperator:
    """Ask the question of `describe`."""
    return AskOperator(
        task_id=ASK,
        subject="Approve bulk change {{ params.bulk_change_id }}?",
        body=f"{{{{ ti.xcom_pull(task_ids='{DESCRIBE}') }}}}",
        options=[APPROVE, REFUSE],
        params={"reason": Param("", type="string", title="Reason", description="Needed for a refusal.")},
        response_timeout=approvals.ANSWERED_WITHIN,
        retries=3,
    )


@task(**POLICY)
@speaks_plainly
def answer() -> None:
    """Give the person's answer to the change; when it was answered in the portal before, that answer stays."""
    context = get_current_context()
    given, change_id = context["ti"].xcom_pull(task_ids=ASK), context["params"]["bulk_change_id"]
    person = given["responded_by_user"]["name"]
    engine = connections.portal()
    with engine.connect() as connection:
        caller = find_caller(connection, person, Right.EDIT)
    approve = given["chosen_options"] == [APPROVE]
    reason = (given["params_input"] or {}).get("reason", "").strip()
    if not approve and not reason:
        raise RequestRefused([approvals.reason_needed()])
    try:
        done = approvals.answer_approval(
            engine, caller, change_id, approve=approve, reason=reason or "approved in Airflow", now=connections.clock()
        )
    except RequestRefused as refused:
        if not approvals.is_answered(refused):
            raise
        log.warning("%s", refused)
        raise AirflowSkipException(str(refused)) from None
    log.info("%s by %s: the change reads %s", given["chosen_options"][0], person, done.status)

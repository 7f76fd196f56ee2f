"""The question to a person whether a bulk change may start, asked by Airflow's own human-in-the-loop."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowSkipException

from device_association.requests import approval_questions, approvals
from device_association_airflow import connections

APPROVE, REFUSE = "Approve", "Refuse"


class AskOperator(HITLOperator):
    """Waits for a person's answer about a change in Airflow; where it is there already, or never comes, it is skipped."""

    template_fields = (*HITLOperator.template_fields, "bulk_change_id")

    def __init__(self, *, bulk_change_id: Any, **kwargs: Any) -> None:
        super().__init__(
            subject="Approve bulk change?",
            options=[APPROVE, REFUSE],
            params={"reason": Param("", type="string", title="Reason", description="Needed for a refusal.")},
            response_timeout=approvals.ANSWERED_WITHIN,
            **kwargs,
        )
        self.bulk_change_id = bulk_change_id

    def execute(self, context: Context) -> None:
        """Ask."""
        question = approval_questions.question(connections.portal(), self.bulk_change_id)
        if question is None:
            raise AirflowSkipException("nobody has to be asked any more")
        self.subject, self.body = f"Approve bulk change {self.bulk_change_id}?", question
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the answer."""
        try:
            return super().execute_complete(context, event)
        except HITLTimeoutError:
            raise AirflowSkipException("nobody answered in time; the sweep ends the change") from None

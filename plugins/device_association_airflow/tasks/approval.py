"""The tasks of `approve_bulk_changes`: what a person is asked, and what becomes of the answer."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from device_association.bulk_changes.access import Right, find_caller
from device_association.domain.errors import RequestRefused
from device_association.messaging import outbox
from device_association.requests import approval_questions, approvals
from device_association_airflow import connections
from device_association_airflow.alert_notifiers import alert_failure
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.operators.ask_person import APPROVE, AskOperator
from device_association_airflow.task_context import log_domain_errors

log = logging.getLogger(__name__)


@task(**POLICY)
@log_domain_errors
def take_questions() -> list[int]:
    """Return the bulk changes that this run asks about: those that no other does."""
    taken = approval_questions.take_questions(connections.portal(), get_current_context()["run_id"])
    log.info("%s changes to ask about", len(taken))
    return taken


@task(**POLICY, map_index_template="bulk change {{ task.op_kwargs.bulk_change_id }}", on_failure_callback=alert_failure)
@log_domain_errors
def answer(bulk_change_id: int, given: Any) -> None:
    """Give the person's answer to the change; when it was answered in the portal before, that answer stays."""
    engine = connections.portal()
    with engine.connect() as connection:
        caller = find_caller(connection, given["responded_by_user"]["name"], Right.EDIT)
    approve = given["chosen_options"] == [APPROVE]
    reason = (given["params_input"] or {}).get("reason", "").strip()
    if not approve and not reason:
        raise RequestRefused([approvals.reason_needed()])
    try:
        done = approvals.answer_approval(
            engine,
            caller,
            bulk_change_id,
            approve=approve,
            reason=reason or "approved in Airflow",
            now=connections.clock(),
        )
    except RequestRefused as refused:
        if not approvals.is_answered(refused):
            raise
        log.warning("%s", refused)
        raise AirflowSkipException(str(refused)) from None
    log.info(
        "%s by %s: bulk change %s reads %s", given["chosen_options"][0], caller.user_name, bulk_change_id, done.status
    )
    outbox.send_at_once(engine, bulk_change_id, connections.send_message)


@task_group
def approval(bulk_change_id: int) -> None:
    """Ask about one change, and give it the answer."""
    ask = AskOperator(
        task_id="ask",
        bulk_change_id=bulk_change_id,
        map_index_template="bulk change {{ task.bulk_change_id }}",
        retries=3,
        retry_delay=timedelta(seconds=5),  # who answered when the worker died is asked again at once
    )
    answer(bulk_change_id=bulk_change_id, given=ask.output)

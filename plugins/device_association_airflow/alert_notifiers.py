"""Tells a person what is not well, through the connection that the settings name, by Airflow's own notifiers.

What a notifier is given is text, never a template: it may quote an error.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from device_association.domain.errors import AssociationError, ConfigurationError
from device_association.monitoring.alerts import alarm_text, note_run, send_alerts
from device_association.monitoring.health import RUN_FAILED, RUN_LATE
from device_association_airflow import connections

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SUBJECT = "Device association"
WITHIN_SECONDS = 15
log = logging.getLogger(__name__)


def notifier(text: str) -> BaseNotifier | None:
    """Return the notifier that tells this text; None where the settings name no connection for alarms.

    The type of the connection decides: `http` (a webhook; `{"text": ...}` is what Slack's takes), `smtp`, or `aws`, an SNS
    topic whose ARN is the extra `target_arn`.
    """
    settings = connections.settings()
    connection_id = settings.alarm_connection
    if not connection_id:
        return None
    found = connections.find_connection(connection_id)
    if found.conn_type == "http":
        return _webhook(connection_id, text)
    if found.conn_type == "smtp" and settings.alarm_mail_to:
        return _mail(connection_id, settings.alarm_mail_to, text)
    if found.conn_type == "aws" and "target_arn" in found.extra_dejson:
        return _topic(connection_id, found.extra_dejson["target_arn"], text)
    raise ConfigurationError(
        f"connection {connection_id!r} of type {found.conn_type!r} cannot tell alarms: give an http one, an smtp one with "
        "DEVICE_ASSOCIATION_ALARM_MAIL_TO, or an aws one with the extra target_arn"
    )


# The notifiers are imported when one is wanted: every DAG file imports this module, and none of them tells anything.


def _webhook(connection_id: str, text: str) -> BaseNotifier:
    from airflow.providers.http.notifications.http import HttpNotifier

    return HttpNotifier(http_conn_id=connection_id, json={"text": text}, extra_options={"timeout": WITHIN_SECONDS})


def _mail(connection_id: str, to: str, text: str) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(smtp_conn_id=connection_id, to=to, subject=SUBJECT, html_content=f"<p>{html.escape(text)}</p>")


def _topic(connection_id: str, arn: str, text: str) -> BaseNotifier:
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    return SnsNotifier(aws_conn_id=connection_id, target_arn=arn, message=text, subject=SUBJECT)


def alert(text: str) -> None:
    """Send an alert to a person; the log has it in any case."""
    log.warning("%s", text)
    found = notifier(text)
    if found is not None:
        found.notify({})


def alert_pending() -> int:
    """Send every alert that is still to be sent; return how many that were."""
    return send_alerts(
        connections.portal(), alert, now=connections.clock(), runbooks=connections.settings().runbooks_url
    )


def alert_failure(context: Mapping[str, Any]) -> None:
    """Alert that a run failed: the `on_failure_callback` of every DAG, called in the DAG processor."""
    dag_id = context["dag"].dag_id
    _alert_run(RUN_FAILED, dag_id, f"run {context['run_id']} of {dag_id} failed")


def alert_late(context: Mapping[str, Any], **_more: Any) -> None:
    """Alert that a run takes too long: the callback of its deadline, called by the executor."""
    run = context["dag_run"]
    _alert_run(RUN_LATE, run["dag_id"], f"run {run['dag_run_id']} of {run['dag_id']} is not done yet")


class RunQueued(BaseDeadlineReference):
    """When a run was first queued; clearing its tasks does not move it.

    Not Airflow's `DAGRUN_QUEUED_AT`: with it, 3.3.2 answers 500 to every clearing of a task, because it takes the stored
    interval for a number (`_recalculate_dagrun_queued_at_deadlines` in `airflow/models/taskinstance.py`).
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        return session.scalar(select(DagRun.queued_at).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))


def late_alert() -> DeadlineAlert:
    """Return the deadline of a run of `associate_customer`, from when it was queued."""
    return DeadlineAlert(
        reference=RunQueued(),
        interval=timedelta(minutes=connections.settings().run_alert_minutes),
        callback=SyncCallback(alert_late),
    )


def _alert_run(name: str, dag_id: str, said: str) -> None:
    """Record the alarm, then send what is to be sent; where the database cannot be used, send it as it is."""
    try:
        note_run(connections.portal(), name, dag_id, said, now=connections.clock())
        alert_pending()
    except AssociationError as problem:
        log.error("%s", problem)
        alert(alarm_text(name, f"{said}; {problem}", connections.settings().runbooks_url))

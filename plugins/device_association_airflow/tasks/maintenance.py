"""The tasks of `sweep_associations` and of `tidy_working_tables`."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cache

from airflow.sdk import TriggerRule, get_current_context, task

from device_association.maintenance import retention, sweep
from device_association.messaging import outbox
from device_association.monitoring import snapshot
from device_association.requests import approval_questions, approvals
from device_association.service_lines import in_doubt
from device_association_airflow import airflow_runs, connections
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.task_context import log_domain_errors

log = logging.getLogger(__name__)


@task(**POLICY)
@log_domain_errors
def settle_outcomes() -> None:
    """Look up the calls whose outcome nobody learned before their change ended."""
    counts = in_doubt.settle_outcomes(
        connections.portal(), cache(connections.patient_client), connections.settings(), connections.clock
    )
    log.info("%s", counts)


@task(**POLICY)
@log_domain_errors
def requeue_stalled() -> None:
    """Enqueue the open changes again that nobody works on."""
    snapshot.record_heartbeat(connections.portal(), snapshot.SWEEP, now=connections.clock())
    quiet = timedelta(seconds=connections.settings().requeue_after_seconds)
    counts = sweep.requeue_stalled(
        connections.portal(), is_run_active=airflow_runs.is_run_active, quiet=quiet, now=connections.clock()
    )
    log.info("%s", counts)


@task(**POLICY)
@log_domain_errors
def close_overdue() -> None:
    """Bring the changes to their end that are past their deadline and in nobody's hands."""
    closed = sweep.close_overdue(
        connections.portal(),
        run_id=f"sweep__{get_current_context()['dag_run'].run_id}",
        is_run_active=airflow_runs.is_run_active,
        clock=connections.clock,
    )
    log.info("%s changes closed", closed)


@task(**POLICY)
@log_domain_errors
def run_missing_procedures() -> None:
    """Run the final procedures that an ended change has not had."""
    log.info("%s changes finished", sweep.run_missing_procedures(connections.portal(), now=connections.clock()))


@task(**POLICY)
@log_domain_errors
def ask_for_approvals() -> None:
    """End the changes that nobody approved in time, and have a person asked about all that none asks about yet."""
    engine, now = connections.portal(), connections.clock()
    expired = approvals.expire_approvals(engine, now=now)
    new = [one for one in approval_questions.list_waiting(engine) if one.run_id is None]
    if new:
        airflow_runs.ask_for_approvals(now)
    log.info("%s changes expired, %s to be asked about", expired, len(new))


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE)
def send_messages() -> None:
    """Send the queue what is owed to it."""
    sent = outbox.flush_outbox(connections.portal(), outbox.MESSAGE, connections.send_message)
    log.info("%s messages sent", sent)


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE)
def send_notifications() -> None:
    """Send the 2.0 system what is owed to it."""
    sent = outbox.flush_outbox(connections.portal(), outbox.NOTIFICATION, connections.receiver().send)
    log.info("%s notifications sent", sent)


@task(**POLICY)
@log_domain_errors
def tidy_tables() -> dict[str, int]:
    """Delete what nobody needs any more of our working tables; the result counts the rows."""
    settings = connections.settings()
    return retention.purge_expired_rows(
        connections.portal(),
        keep=timedelta(days=settings.retention_days),
        now=connections.clock(),
    )


@task(**POLICY)
@log_domain_errors
def tidy_reports() -> int:
    """Delete the reports of the data checks of changes that ended long ago; the result counts the changes."""
    settings = connections.settings()
    keep = timedelta(days=settings.retention_days)
    return retention.purge_expired_reports(settings.data_docs_dir, keep=keep, now=connections.clock())

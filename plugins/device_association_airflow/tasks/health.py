"""The tasks of `report_health`: figures as metrics, and alarms told."""

from __future__ import annotations

import logging
from datetime import datetime

from airflow.sdk import task
from airflow.sdk.observability import stats
from sqlalchemy import Engine

from device_association.domain.errors import AssociationError
from device_association.monitoring import alerts, health, snapshot
from device_association_airflow import airflow_runs, alert_notifiers, connections
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.task_context import log_domain_errors

PREFIX = "device_association."
LISTENER_DAG = "listen_bulk_changes"
log = logging.getLogger(__name__)


@task(**POLICY)
@log_domain_errors
def report_figures() -> None:
    """Send every figure as a gauge, to where Airflow's own metrics go."""
    send(snapshot.read_figures(connections.portal(), now=connections.clock()).metrics)
    send(queue_metrics())


@task(**POLICY)
@log_domain_errors
def send_alerts() -> None:
    """Note who is at work, raise and end the alarms, and tell a person what is new."""
    portal, now = connections.portal(), connections.clock()
    if airflow_runs.dag_runs(LISTENER_DAG):
        snapshot.record_heartbeat(portal, snapshot.LISTENER, now=now)
    snapshot.record_heartbeat(portal, snapshot.REPORT, now=now)
    note_stopped(portal, now)
    found = health.checks(snapshot.read_figures(portal, now=now))
    log.info("%s", "\n".join(["", *(one.line() for one in found)]))
    try:
        alerts.keep_alarms(portal, found, now=now)
    finally:
        log.info("%s told", alert_notifiers.alert_pending())


def note_stopped(portal: Engine, now: datetime) -> None:
    """Raise and end the alarms about what stands still in Airflow; one that Airflow does not answer costs no other alarm."""
    try:
        stopped = airflow_runs.find_stopped(portal, now)
    except AssociationError:
        raise
    except Exception:
        log.exception("Airflow does not say what stands still; the other alarms are told")
        return
    alerts.keep_stopped(portal, stopped, now=now)


def send(metrics: dict[str, float]) -> None:
    """Send metrics; what a name may not have becomes an underscore."""
    for name, value in metrics.items():
        stats.gauge(stats.normalize_name_for_stats(f"{PREFIX}{name}", log_warning=False), value)


def queue_metrics() -> dict[str, float]:
    """Return how many messages are in the queue and in its dead-letter queue, as far as SQS knows."""
    settings = connections.settings()
    waiting, in_flight = _depth(settings.queue_url)
    dead = sum(_depth(settings.dead_letter_queue_url)) if settings.dead_letter_queue_url else 0
    return dict(zip(snapshot.QUEUE_METRICS, (waiting, in_flight, dead), strict=True))


def _depth(url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = connections.queue_client().get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])

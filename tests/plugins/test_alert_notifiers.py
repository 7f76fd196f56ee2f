"""Who is told what, through which connection, by the callbacks that Airflow calls and by the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from device_association.domain.errors import ConfigurationError, DatabaseUnavailable
from device_association_airflow import alert_notifiers, connections
from tests.flow import NOW, read_table
from tests.webhook import listening

CONTEXT: dict[str, Any] = {"dag": SimpleNamespace(dag_id="listen_bulk_changes"), "run_id": "scheduled__1"}
FAILED = "run scheduled__1 of listen_bulk_changes failed"


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with listening() as server:
        address = {"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}/hook"}
        monkeypatch.setenv("AIRFLOW_CONN_ALARMS", json.dumps(address))
        yield server


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "https://queue")
    monkeypatch.setenv("DEVICE_ASSOCIATION_ALARM_CONNECTION", "alarms")
    monkeypatch.setenv("DEVICE_ASSOCIATION_RUNBOOKS_URL", "https://wiki/runbooks/")
    connections.settings.cache_clear()
    yield
    connections.settings.cache_clear()


@pytest.fixture
def alarms(portal: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(connections, "portal", lambda: portal)
    monkeypatch.setattr(connections, "clock", lambda: NOW)
    return portal


@pytest.mark.usefixtures("alarms")
def test_a_failed_run_is_told_through_the_webhook_with_its_page(webhook: Any) -> None:
    alert_notifiers.alert_failure(CONTEXT)
    alert_notifiers.alert_failure(CONTEXT)
    assert webhook.said == [f"ALARM: run_failed: {FAILED} -> https://wiki/runbooks/run_failed.md"]


@pytest.mark.usefixtures("alarms")
def test_a_late_run_is_told_by_its_deadline(webhook: Any) -> None:
    run = {"dag_id": "associate_customer", "dag_run_id": "bulk_change__7__0"}
    alert_notifiers.alert_late(context={"dag_run": run, "deadline": {"id": "1"}})
    assert webhook.said == [
        "ALARM: run_late: run bulk_change__7__0 of associate_customer is not done yet -> https://wiki/runbooks/run_late.md"
    ]


@pytest.mark.usefixtures("alarms")
def test_what_a_webhook_refuses_is_told_later(webhook: Any) -> None:
    webhook.failing = True
    with pytest.raises(Exception, match="500"):
        alert_notifiers.alert_failure(CONTEXT)
    webhook.failing = False
    assert alert_notifiers.alert_pending() == 1
    assert len(webhook.said) == 1


def test_a_failed_run_is_told_also_when_the_database_is_what_failed(
    webhook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Engine:
        raise DatabaseUnavailable("no database answers at connection 'portal_db'")

    monkeypatch.setattr(connections, "portal", gone)
    alert_notifiers.alert_failure(CONTEXT)
    (said,) = webhook.said
    assert f"{FAILED}; no database answers at connection 'portal_db'" in said


def test_a_text_is_no_template(webhook: Any) -> None:
    alert_notifiers.alert("{{ 1 + 1 }} <b>")
    assert webhook.said == ["{{ 1 + 1 }} <b>"]


def test_without_a_connection_the_log_has_it_and_the_alarm_counts_as_told(
    alarms: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DEVICE_ASSOCIATION_ALARM_CONNECTION", "")
    connections.settings.cache_clear()
    alert_notifiers.alert_failure(CONTEXT)
    assert FAILED in caplog.text
    (row,) = read_table(alarms, "device_association", "alarm")
    assert row["tolddate"] == NOW


@pytest.mark.parametrize(
    ("given", "mail_to", "kind"),
    [
        ({"conn_type": "http", "host": "https://hooks"}, "", "HttpNotifier"),
        ({"conn_type": "smtp", "host": "mail"}, "ops@example.com", "SmtpNotifier"),
        ({"conn_type": "aws", "extra": {"target_arn": "arn:aws:sns:us-east-1:1:ops"}}, "", "SnsNotifier"),
    ],
)
def test_the_connection_s_type_decides_the_notifier(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], mail_to: str, kind: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALARMS", json.dumps(given))
    monkeypatch.setenv("DEVICE_ASSOCIATION_ALARM_MAIL_TO", mail_to)
    connections.settings.cache_clear()
    assert type(alert_notifiers.notifier("text")).__name__ == kind


@pytest.mark.parametrize("given", [{"conn_type": "smtp", "host": "mail"}, {"conn_type": "aws"}, {"conn_type": "mssql"}])
def test_a_connection_that_cannot_tell_is_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ALARMS", json.dumps(given))
    with pytest.raises(ConfigurationError, match="'alarms' of type"):
        alert_notifiers.notifier("text")

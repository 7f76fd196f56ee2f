"""Real Airflow tells a failed run, a late one, an alarm and its end; dead letters are put back or set aside."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from device_association.domain.codes import NOT_ENDED
from device_association.monitoring import health, snapshot
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Limits
from local.sample_data import groups
from local.stack.servers import message_queue
from tests.end_to_end.running import ENDED, Running

pytestmark = [pytest.mark.end_to_end, pytest.mark.own_stack]
PLAIN = groups().plain[-4:]


def result(running: Running, dag_id: str, task: str, conf: dict[str, Any] | None = None) -> Any:
    """Run a DAG to its good end and return what a task of it returned."""
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    api = running.api()
    run_id = api.post(runs, {"logical_date": None, "conf": conf or {}})["dag_run_id"]
    running.wait(lambda: api.get(f"{runs}/{run_id}")["state"] in ENDED)
    assert api.get(f"{runs}/{run_id}")["state"] == "success"
    found = api.get(f"{runs}/{run_id}/taskInstances/{task}/xcomEntries")["xcom_entries"]
    return api.get(f"{runs}/{run_id}/taskInstances/{task}/xcomEntries/return_value")["value"] if found else None


def told(webhook: Any, *words: str) -> bool:
    return any(all(word in one for word in words) for one in list(webhook.said))


def test_a_run_that_takes_too_long_is_told_while_it_runs(running: Running, webhook: Any) -> None:
    RateLimiter(running.portal, "revio_northwind", Limits(), lambda: datetime.now(UTC)).open()
    with running.portal.begin() as connection:
        paused = connection.execute(
            text(
                "UPDATE device_association.call_budget"
                " SET PausedUntil = CURRENT_TIMESTAMP + INTERVAL '60 seconds', PauseReason = 'the test'"
            )
        )
        assert paused.rowcount > 0
    change = running.ask(PLAIN[1:2])
    # A DAG's late runs are told once an hour: where another run of this stack was late before, this one is only noted.
    running.wait(lambda: any(f"bulk_change__{change}__0" in one["said"] for one in running.table("alarm")))
    assert running.status(change) in NOT_ENDED
    running.wait(lambda: told(webhook, "ALARM: run_late"))
    assert running.ended(change) == "PROCESSED"


def test_the_end_of_a_change_is_an_event_that_other_dags_can_run_on(running: Running) -> None:
    change = running.ask(PLAIN[3:4])
    assert running.ended(change) == "PROCESSED"
    wanted = {"bulk_change_id": change, "status": "PROCESSED"}
    api = running.api()
    running.wait(lambda: wanted in [one["extra"] for one in api.get("/api/v2/assets/events?limit=100")["asset_events"]])


def test_a_run_that_fails_is_told(running: Running, webhook: Any) -> None:
    run_id = running.trigger({"bulk_change_id": 10**9, "start_with": "an existing change (its id below)"})
    assert running.run(run_id) == "failed"
    running.wait(lambda: told(webhook, "ALARM: run_failed", run_id, "docs/runbooks/run_failed.md"))


def test_dead_letters_are_told_decided_and_then_over(running: Running, webhook: Any) -> None:
    change = running.create(PLAIN[2:3]).change_id
    queue = message_queue.client(running.stack.settings, running.stack.secrets)
    url = message_queue.queue_url(running.stack.settings, message_queue.DEAD_LETTERS)
    for said in (json.dumps({"BulkChangeId": change}), "garbage"):
        queue.send_message(QueueUrl=url, MessageBody=said)
    queue.close()
    assert result(running, "redrive_dead_letters", "redrive") == {"OPEN": 1, "UNREADABLE": 1}
    result(running, "report_health", "send_alerts")
    assert told(webhook, "ALARM: dead_letters: 2 in the dead-letter queue")
    code, lines = health.report(running.stack.portal_url)
    assert code == health.NOT_WELL
    assert next(line for line in lines if "job_silent" in line).startswith("OK")
    conf = {"what": "put back the good ones, set aside the rest"}
    assert result(running, "redrive_dead_letters", "redrive", conf) == {"redriven": 1, "quarantined": 1}
    assert running.ended(change) == "PROCESSED"
    assert {one["decidedby"] for one in running.table("dead_letter")} == {"admin"}
    result(running, "report_health", "send_alerts")
    assert told(webhook, "OVER: dead_letters")


def test_every_figure_goes_out_over_statsd(running: Running, statsd: socket.socket) -> None:
    result(running, "report_health", "report_figures")
    wanted = {f"airflow.device_association.{name}" for name in (*snapshot.METRICS, *snapshot.QUEUE_METRICS)}
    came: set[str] = set()
    while not wanted <= came:
        name, _, value = statsd.recv(2048).decode().partition(":")
        assert value.endswith("|g")
        came.add(name)

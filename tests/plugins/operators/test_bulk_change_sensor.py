"""One task of the listener: what it does with what it received, and that it goes on listening."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from device_association.domain.errors import DatabaseUnavailable
from device_association.messaging.messages import Cause, Decision, Message, Verdict
from device_association_airflow import connections
from device_association_airflow.operators import bulk_change_sensor
from device_association_airflow.operators.bulk_change_sensor import LISTEN_FOR, BulkChangeSensor

pytestmark = pytest.mark.airflow
STALE, UNKNOWN, BROKEN, ODD = 1, 2, 3, 4


class Queue:
    """What came after the first batch, and what was deleted; a receipt `kept` is refused."""

    def __init__(self) -> None:
        self.later: list[list[dict[str, Any]]] = []
        self.deleted: list[list[str]] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": self.later.pop(0)} if self.later else {}

    def delete_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.deleted.append([one["ReceiptHandle"] for one in Entries])
        kept = [one for one in Entries if one["ReceiptHandle"] == "kept"]
        return {"Failed": [{"Id": one["Id"], "Message": "too late"} for one in kept]}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    def decide(_engine: Any, message: Message) -> Decision:
        if message.bulk_change_id == BROKEN:
            raise DatabaseUnavailable("the database is away")
        if message.bulk_change_id == ODD:
            raise KeyError("odd")
        verdict = Verdict.LEAVE if message.bulk_change_id == UNKNOWN else Verdict.DELETE
        return Decision(verdict, Cause.STALE, "stale")

    queue = Queue()
    monkeypatch.setattr(bulk_change_sensor, "decide", decide)
    monkeypatch.setattr(connections, "queue_client", lambda: queue)
    monkeypatch.setattr(connections, "portal", lambda: None)
    return queue


def message(change_id: int, receipt: str = "") -> dict[str, Any]:
    body = json.dumps({"BulkChangeId": change_id, "RetryNumber": 0})
    return {"MessageId": f"m{change_id}", "Body": body, "ReceiptHandle": receipt or f"r{change_id}"}


def received(*messages: dict[str, Any], age: timedelta = timedelta(0)) -> None:
    sensor = BulkChangeSensor(task_id="listen", sqs_queue="http://queue")
    context: Any = {"dag_run": SimpleNamespace(start_date=datetime.now(UTC) - age)}
    sensor.execute_complete(context, {"status": "success", "message_batch": list(messages)})


def test_a_batch_is_deleted_in_one_call_without_what_is_left(queue: Queue) -> None:
    queue.later = [[message(7)], [message(UNKNOWN)]]
    with pytest.raises(TaskDeferred):
        received(message(STALE), message(UNKNOWN), message(5))
    assert queue.deleted == [["r1", "r5"], ["r7"]]


def test_it_listens_on_until_its_run_is_an_hour_old(queue: Queue) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        received(message(STALE), age=LISTEN_FOR - timedelta(minutes=1))
    assert deferred.value.method_name == "execute_complete"
    received(message(STALE), age=LISTEN_FOR)
    assert queue.deleted == [["r1"], ["r1"]]


def test_one_odd_message_delays_no_other_and_ends_the_try(queue: Queue) -> None:
    with pytest.raises(KeyError, match="odd"):
        received(message(ODD), message(STALE))
    assert queue.deleted == [["r1"]]


def test_what_is_done_is_deleted_also_when_the_database_goes_away_after_it(queue: Queue) -> None:
    with pytest.raises(DatabaseUnavailable):
        received(message(STALE), message(BROKEN), message(5))
    assert queue.deleted == [["r1"]]


@pytest.mark.usefixtures("queue")
def test_a_message_that_is_not_deleted_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TaskDeferred):
        received(message(STALE), message(5, receipt="kept"))
    assert "message m5 was not deleted and comes again: too late" in capsys.readouterr().out

"""The dead-letter queue on SQS, and who sees which of its messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Engine

from device_association.domain.errors import ConfigurationError
from device_association.maintenance.dead_letters import look, redrive
from device_association_airflow import connections
from device_association_airflow.dead_letter_queue import SqsDeadLetters, dead_letters
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.page import Page
from tests.portal_client import Portal

SAYS = {"StringValue": "x", "DataType": "String"}


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")


@pytest.fixture
def queue(sqs: Any) -> SqsDeadLetters:
    main, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("changes", "dead"))
    return SqsDeadLetters(sqs, dead, main)


def put(queue: SqsDeadLetters, body: str) -> None:
    queue.client.send_message(QueueUrl=queue.url, MessageBody=body, MessageAttributes={"Sender": SAYS})


def count(queue: SqsDeadLetters, url: str) -> int:
    answer = queue.client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_a_look_hides_no_message_and_a_redrive_moves_each(flow: Flow, queue: SqsDeadLetters) -> None:
    fresh = flow.create(request(groups().plain[:1])).change_id
    put(queue, json.dumps({"BulkChangeId": fresh}))
    for number in range(12):
        put(queue, f"garbage {number}")
    assert look(flow.portal, queue, now=NOW) == {"OPEN": 1, "UNREADABLE": 12}
    assert count(queue, queue.url) == 13
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {"put_back": 1, "set_aside": 12}
    assert (count(queue, queue.url), count(queue, queue.main_url)) == (0, 1)
    (back,) = queue.client.receive_message(QueueUrl=queue.main_url, MessageAttributeNames=["All"])["Messages"]
    assert (json.loads(back["Body"]), back["MessageAttributes"]["Sender"]["StringValue"]) == (
        {"BulkChangeId": fresh},
        "x",
    )


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "https://queue")
    connections.settings.cache_clear()
    with pytest.raises(ConfigurationError, match="DEAD_LETTER_QUEUE_URL names no dead-letter queue"):
        dead_letters()
    connections.settings.cache_clear()


def test_the_screen_shows_cause_advice_and_what_became_of_each(
    screens: Portal, portal: Engine, queue: SqsDeadLetters
) -> None:
    assert "Every message so far could be worked on" in Page(screens.get("/ui/dead-letters").text).said
    put(queue, "<script>alert(1)</script>")
    look(portal, queue, now=NOW)
    page = Page(screens.get("/ui/dead-letters").text)
    for words in ("<script>alert(1)</script>", "Cannot be read", "In the dead-letter queue", "have a look at who sent"):
        assert words in page.said
    assert "/dags/redrive_dead_letters" in page.addresses
    redrive(portal, queue, actor="dora.ops", now=NOW)
    assert "Set aside by dora.ops" in Page(screens.get("/ui/dead-letters").text).said
    assert "No dead letter matches" in Page(screens.get("/ui/dead-letters", params={"State": "FOUND"}).text).said
    assert screens.get("/ui/dead-letters", "vic.viewer").status_code == 403


def test_each_sees_the_letters_of_the_own_changes_and_of_no_change_whoever_has_no_tenant_above(
    api: Portal, flow: Flow, portal: Engine, queue: SqsDeadLetters
) -> None:
    own = flow.create(request(groups().plain[:1])).change_id
    put(queue, json.dumps({"BulkChangeId": own}))
    put(queue, "garbage")
    look(portal, queue, now=NOW)
    seen = {
        user: [one["Cause"] for one in api.get("/DeadLetters", user).json()["DeadLetters"]]
        for user in ("dora.ops", "olga.other")
    }
    assert sorted(seen["dora.ops"]) == ["OPEN", "UNREADABLE"]
    assert seen["olga.other"] == ["UNREADABLE"]
    first = api.get("/DeadLetters", params={"Limit": 1}).json()
    rest = api.get("/DeadLetters", params={"Limit": 1, "Before": first["Next"]}).json()
    bodies = {one["Body"] for one in (*first["DeadLetters"], *rest["DeadLetters"])}
    assert bodies == {"garbage", json.dumps({"BulkChangeId": own})}
    assert api.get("/DeadLetters", params={"State": "LOST"}).status_code == 422

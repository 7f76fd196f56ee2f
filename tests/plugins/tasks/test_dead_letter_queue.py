"""The dead-letter queue on SQS, and the way back into the main one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from device_association.domain.errors import ConfigurationError
from device_association.maintenance.dead_letters import look, redrive
from device_association_airflow import connections
from device_association_airflow.tasks.dead_letter_queue import SqsDeadLetters, dead_letters
from local.sample_data import groups
from tests.flow import NOW, Flow, request

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
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {"redriven": 1, "quarantined": 12}
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

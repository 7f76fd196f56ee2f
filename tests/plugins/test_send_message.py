"""How a request's message reaches the queue, and that a queue that is gone is noticed in seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from device_association.messaging.messages import Message, read_message
from device_association_airflow import connections


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fields = {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "us-east-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_BULK_CHANGE_QUEUE", json.dumps(fields))
    connections._hasty_queue_client.cache_clear()  # noqa: SLF001 -- it lasts as long as a process
    connections.settings.cache_clear()
    yield
    connections._hasty_queue_client.cache_clear()  # noqa: SLF001 -- it lasts as long as a process
    connections.settings.cache_clear()


def test_a_message_says_the_same_in_its_body_and_in_its_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
        url = sqs.create_queue(QueueName="changes")["QueueUrl"]
        monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", url)
        connections.send_message({"BulkChangeId": 7, "RetryNumber": 1})
        (received,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(received["Body"]) == {"BulkChangeId": 7, "RetryNumber": 1}
    for only in ("Body", "MessageAttributes"):
        assert read_message({only: received[only]}) == Message(7, 1)


def test_a_queue_that_is_gone_costs_a_request_seconds_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "aws", "login": "key", "password": "secret"}
    fields |= {"extra": {"region_name": "us-east-1", "endpoint_url": "http://127.0.0.1:1"}}  # type: ignore[dict-item]
    monkeypatch.setenv("AIRFLOW_CONN_BULK_CHANGE_QUEUE", json.dumps(fields))
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "http://127.0.0.1:1/000000000000/changes")
    began = time.monotonic()
    with pytest.raises(Exception, match="Could not connect"):
        connections.send_message({"BulkChangeId": 7, "RetryNumber": 1})
    assert time.monotonic() - began < 10

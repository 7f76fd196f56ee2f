"""The queue of bulk changes on the SQS server, which keeps nothing over a restart: queues are made at each start."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

from local.stack.secrets import StackSecrets
from local.stack.settings import HOST, LocalSettings

QUEUE, DEAD_LETTERS = "bulk-changes", "bulk-changes-dead-letters"
REGION = "us-east-1"
ACCOUNT = "123456789012"
"""The account number that moto uses for everybody."""
VISIBILITY_SECONDS = 120
RECEIVES_BEFORE_DEAD_LETTER = 5


def command(settings: LocalSettings) -> list[str]:
    """Return the SQS server's command line."""
    return [sys.executable, "-P", "-m", "moto.server", "-H", HOST, "-p", str(settings.sqs_port)]


def queue_url(settings: LocalSettings, name: str = QUEUE) -> str:
    """Return a queue's address."""
    return f"{settings.sqs_url}/{ACCOUNT}/{name}"


def client(settings: LocalSettings, secrets: StackSecrets) -> Any:
    """Return an SQS client (untyped in boto3) for this stack's server."""
    return boto3.client(
        "sqs",
        endpoint_url=settings.sqs_url,
        region_name=REGION,
        aws_access_key_id=secrets.aws_access_key,
        aws_secret_access_key=secrets.aws_secret_key,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30),
    )


def ensure_queues(settings: LocalSettings, secrets: StackSecrets) -> bool:
    """Return whether the server answers, with both queues there."""
    sqs = client(settings, secrets)
    try:
        sqs.create_queue(QueueName=DEAD_LETTERS)
        sqs.create_queue(QueueName=QUEUE, Attributes=_attributes())
    except (NoConnection, HTTPClientError):
        return False
    finally:
        sqs.close()
    return True


def put(sqs: Any, url: str, body: str, attributes: Mapping[str, object]) -> str:
    """Put a message with String attributes into a queue, as any producer does; return the id that it was given."""
    sent = {name: {"DataType": "String", "StringValue": str(value)} for name, value in attributes.items()}
    return str(sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=sent)["MessageId"])


def _attributes() -> dict[str, str]:
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{DEAD_LETTERS}"
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES_BEFORE_DEAD_LETTER}
    return {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(redrive)}

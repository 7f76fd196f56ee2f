"""The dead-letter queue on SQS, and the way back into the main one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_association.domain.errors import ConfigurationError
from device_association_airflow import connections

HIDDEN_SECONDS = 60
"""How long a message stays hidden that nobody released: the looker died."""


@dataclass(frozen=True, slots=True)
class SqsDeadLetters:
    """The dead-letter queue at one address, and the main queue at the other; `client` is boto3's, untyped."""

    client: Any
    url: str
    main_url: str

    def receive(self) -> Sequence[Mapping[str, Any]]:
        """Return up to ten messages, and hide them for a minute."""
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks every server of the queue; with 0 some of the messages may be missed
            MessageAttributeNames=["All"],
            AttributeNames=["SentTimestamp"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def release(self, receipt: str) -> None:
        """Show a message again that was received."""
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def delete(self, receipt: str) -> None:
        """Delete a message."""
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

    def put_back(self, received: Mapping[str, Any]) -> None:
        """Send to the main queue what a message says, in its body and in its attributes."""
        self.client.send_message(
            QueueUrl=self.main_url,
            MessageBody=received["Body"],
            MessageAttributes=received.get("MessageAttributes", {}),
        )


def dead_letters() -> SqsDeadLetters:
    """Return the dead-letter queue that the settings name."""
    settings = connections.settings()
    if not settings.dead_letter_queue_url:
        raise ConfigurationError(
            "DEVICE_ASSOCIATION_DEAD_LETTER_QUEUE_URL names no dead-letter queue; set it for every part of Airflow"
        )
    return SqsDeadLetters(connections.queue_client(), settings.dead_letter_queue_url, settings.queue_url)

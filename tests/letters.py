"""The dead-letter queue as the tests need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.flow import NOW

SENT = str(int(NOW.timestamp() * 1000))


@dataclass
class Letters:
    """Stands for the dead-letter queue: what is received is hidden until it is released; it may die at any call."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    main: list[Mapping[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None

    def add(self, body: str, **more: Any) -> str:
        message_id = f"message-{len(self.kept) + len(self.deleted)}"
        received = {"MessageId": message_id, "ReceiptHandle": message_id, "Body": body}
        self.kept[message_id] = received | {"Attributes": {"SentTimestamp": SENT}} | more
        return message_id

    def receive(self) -> list[dict[str, Any]]:
        self.before("receive")
        found = [one for one in self.kept.values() if one["MessageId"] not in self.hidden][:2]
        self.hidden |= {one["MessageId"] for one in found}
        return found

    def release(self, receipt: str) -> None:
        self.hidden.discard(receipt)

    def delete(self, receipt: str) -> None:
        self.before("delete")
        self.kept.pop(receipt, None)
        self.hidden.discard(receipt)
        self.deleted.append(receipt)

    def put_back(self, received: Mapping[str, Any]) -> None:
        self.before("put_back")
        self.main.append(received)
        self.before("was_put_back")

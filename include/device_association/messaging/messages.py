"""What a message of the bulk change queue says and what is to be done with it. Source: the domain contract, section 3."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from device_association.database.execution import row
from device_association.domain.codes import CUSTOMER_ASSIGNMENT, RUNNING
from device_association.domain.encoding import BIGGEST_ID
from device_association.domain.plain_numbers import plain_whole


@dataclass(frozen=True, slots=True)
class Message:
    """A bulk change and the retry it was sent for."""

    bulk_change_id: int
    retry_number: int


@dataclass(frozen=True, slots=True)
class QueuedChange:
    """A message's bulk change as it stands; `retry_number` is None while this product has never seen it."""

    change_request_type_id: int
    status: str
    retry_number: int | None


class Verdict(StrEnum):
    """What is to be done with a message."""

    START = "start"
    DELETE = "delete"
    LEAVE = "leave"


class Cause(StrEnum):
    """Why a message is treated as it is."""

    OPEN = "OPEN"
    STALE = "STALE"
    ENDED = "ENDED"
    UNKNOWN_RETRY = "UNKNOWN_RETRY"
    NO_SUCH_CHANGE = "NO_SUCH_CHANGE"
    OTHER_TYPE = "OTHER_TYPE"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason, by name and in words."""

    verdict: Verdict
    cause: Cause
    reason: str


def read_message(received: Mapping[str, object]) -> Message:
    """Return what an SQS message says: in its body, or, where that is filler, in its String attributes.

    Raises ValueError that says what is wrong; such a message is left for the dead-letter queue.
    """
    try:
        fields = _body(received.get("Body")) or _attributes(received.get("MessageAttributes"))
        if fields is None:
            raise ValueError("neither the body nor the attributes name a BulkChangeId")
        return Message(_number(fields, "BulkChangeId", 1), _number(fields, "RetryNumber", 0))
    except RecursionError:
        raise ValueError("its BulkChangeId or RetryNumber is nested too deeply to be a number") from None


def decide(engine: Engine, message: Message) -> Decision:
    """Decide from the change's state, not from the message alone, what is to be done."""
    with engine.connect() as connection:
        change = row(connection, QueuedChange, "messaging/find_change", bulk_change_id=message.bulk_change_id)
    if change is None:
        return Decision(Verdict.LEAVE, Cause.NO_SUCH_CHANGE, f"there is no bulk change {message.bulk_change_id}")
    if change.change_request_type_id != CUSTOMER_ASSIGNMENT:
        text = f"a change of type {change.change_request_type_id} is another program's"
        return Decision(Verdict.LEAVE, Cause.OTHER_TYPE, text)
    current = change.retry_number or 0
    if message.retry_number < current:
        return Decision(Verdict.DELETE, Cause.STALE, f"stale: the change is at retry {current}")
    if message.retry_number > current:
        return Decision(Verdict.LEAVE, Cause.UNKNOWN_RETRY, f"from the future: the change is at retry {current}")
    if change.status not in RUNNING:
        return Decision(Verdict.DELETE, Cause.ENDED, f"the change already reads {change.status}")
    return Decision(Verdict.START, Cause.OPEN, "the change is open")


def start_run(
    message: Message,
    *,
    create_run: Callable[[str, Message], bool],
    is_run_active: Callable[[str], bool],
    most: int = 1000,
) -> str:
    """Return the id of the run that works on the message's change: one that lives, or a new one.

    `create_run` returns False when a run of that id exists. Source of the ids: docs/architecture.md, 'Run ids'.
    """
    base = f"bulk_change__{message.bulk_change_id}__{message.retry_number}"
    for number in range(most):
        run_id = base if number == 0 else f"{base}__{number}"
        if create_run(run_id, message) or is_run_active(run_id):
            return run_id
    raise ValueError(f"{most} runs of {base} have ended without closing the change; have a look at the last one")


def _body(text: object) -> Mapping[str, object] | None:
    try:
        fields = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) and "BulkChangeId" in fields else None


def _attributes(attributes: object) -> Mapping[str, object] | None:
    if not isinstance(attributes, Mapping) or "BulkChangeId" not in attributes:
        return None
    return {name: one.get("StringValue") for name, one in attributes.items() if isinstance(one, Mapping)}


def _number(fields: Mapping[str, object], name: str, least: int) -> int:
    sent = fields.get(name, 0 if name == "RetryNumber" else None)
    value = plain_whole(sent) if isinstance(sent, str) else sent
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= BIGGEST_ID:
        raise ValueError(f"{name} must be a whole number from {least}; {repr(sent)[:100]} was sent")
    return value

"""What was found in the dead-letter queue and what became of it, one row a message, under the id that SQS gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import changed, in_transaction, only_row, row, rows, run
from device_association.domain.encoding import BIGGEST_ID, as_json
from device_association.domain.plain_numbers import plain_whole
from device_association.domain.storable_text import storable
from device_association.messaging.messages import Cause, Message

SqsMessage = Mapping[str, Any]
"""A message as SQS describes it, by MessageId, ReceiptHandle, Body, Attributes and MessageAttributes; boto3 types none."""
EPOCH, LATEST_SENT = datetime(1970, 1, 1, tzinfo=UTC), 253_000_000_000_000
"""When the queue's milliseconds begin; later than this, in the year 9987, no message is sent."""
GONE_AFTER = timedelta(hours=1)
"""How long a message that was found may be hidden by somebody's look before it counts as gone from the queue."""
REDRIVE = "redrive dead letters"
"""The job, as its findings name it."""
_REDRIVEN = f"{REDRIVE}: message "
CAUSE_WORDS: dict[str, tuple[str, str]] = {
    Cause.OPEN: ("Its run could not be started", "Good: put it back."),
    Cause.STALE: ("Its change was retried since", "Harmless: set it aside."),
    Cause.ENDED: ("Its change is not waiting for it", "Harmless: set it aside."),
    Cause.UNKNOWN_RETRY: ("A retry that its change never had", "Set it aside; have a look at who sent it."),
    Cause.NO_SUCH_CHANGE: ("There is no such change", "Nothing can come of it: set it aside."),
    Cause.OTHER_TYPE: ("Another program's change", "Give that program a queue of its own; set it aside."),
    Cause.UNREADABLE: ("Cannot be read", "Set it aside; have a look at who sent it."),
}
"""Each cause in words, and what to do."""


class State(StrEnum):
    """What became of a message of the dead-letter queue."""

    FOUND = "FOUND"
    REDRIVEN = "REDRIVEN"
    QUARANTINED = "QUARANTINED"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue, with why it is there as things stand now."""

    received: SqsMessage
    message: Message | None
    cause: Cause
    reason: str

    @property
    def message_id(self) -> str:
        """The id that SQS gave it; what is put back gets another."""
        return str(self.received["MessageId"])


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message so far, when and by whom it was decided."""

    state: str
    decided: datetime | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A dead letter as the portal shows it; `attributes` is JSON, times are UTC."""

    dead_letter_id: int
    message_id: str
    bulk_change_id: int | None
    retry_number: int | None
    cause: str
    detail: str
    state: str
    body: str
    attributes: str
    sent_date: datetime | None
    found_date: datetime
    seen_date: datetime
    decided_date: datetime | None
    decided_by: str | None


def list_dead_letters(
    engine: Engine, caller: PortalUser, *, state: State | None = None, before: int | None = None, limit: int
) -> list[ListedLetter]:
    """Return a page of the dead letters that the caller may see, newest first, from below an id."""
    with engine.connect() as connection:
        return rows(
            connection,
            ListedLetter,
            "maintenance/list_visible",
            user_id=caller.user_id,
            state=state,
            before=before or BIGGEST_ID,
            limit=limit,
        )


def keep_letter(connection: Connection, letter: DeadLetter, now: datetime) -> Fate:
    """Keep a message under its id, and return what became of it so far."""
    key, why = {"message_id": letter.message_id}, {"cause": letter.cause, "detail": storable(letter.reason, 1000)}
    if changed(connection, "maintenance/see_again", now=now, **key, **why) == 0:
        run(connection, "maintenance/insert_dead_letter", now=now, **key, **why, **content_of(letter))
    return only_row(connection, Fate, "maintenance/find_dead_letter", **key)


def decide_letter(engine: Engine, letter: DeadLetter, state: State, *, actor: str, now: datetime) -> None:
    """Record what becomes of a message, before it is deleted from the dead-letter queue."""
    decided = {"message_id": letter.message_id, "state": state, "actor": storable(actor, 100), "now": now}
    in_transaction(engine, lambda connection: changed(connection, "maintenance/decide_dead_letter", **decided))


def content_of(letter: DeadLetter) -> dict[str, object]:
    """Return what is kept of a message itself, as the statement binds it."""
    sent = plain_whole(str(letter.received.get("Attributes", {}).get("SentTimestamp", "")))
    return {
        "body": storable(letter.received.get("Body") or "", instead="\ufffd"),
        "attributes": storable(as_json(letter.received.get("MessageAttributes") or {}), instead="\ufffd"),
        "bulk_change_id": letter.message and letter.message.bulk_change_id,
        "retry_number": letter.message and letter.message.retry_number,
        "sent": EPOCH + timedelta(milliseconds=sent) if sent and sent < LATEST_SENT else None,
    }


def describe_fate(engine: Engine, message_id: str) -> str:
    """Return in words what became of a message that was not found in the dead-letter queue."""
    with engine.connect() as connection:
        found = row(connection, Fate, "maintenance/find_dead_letter", message_id=message_id)
    if found is None:
        return "the dead-letter queue has no such message, and none was ever found; check the id"
    if found.state == State.FOUND:
        return "it is hidden by somebody's look at the queue; try again in a minute"
    return f"{found.state} on {found.decided:%Y-%m-%d %H:%M} UTC by {found.decided_by}; it is not in the queue"


def mark_gone(engine: Engine, now: datetime) -> None:
    """Mark the messages that left the queue without us, and close the findings about redrives that are done."""
    binds = {"not_seen_since": now - GONE_AFTER, "now": now}

    def mark(connection: Connection) -> None:
        run(connection, "maintenance/mark_gone", actor="sweep", **binds)
        run(connection, "maintenance/close_redriven", job=_REDRIVEN, length=len(_REDRIVEN), **binds)

    in_transaction(engine, mark)

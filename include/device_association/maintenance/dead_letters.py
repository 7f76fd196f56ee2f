"""Messages that nobody could work on: why each is in the dead-letter queue, and what becomes of it. None is deleted unseen.

Each is kept in a table under its SQS id before anything else; what cannot be kept is a finding and stays in the queue. A good
one is sent to the main queue, then marked, then deleted from the dead-letter queue; any other is marked as set aside, then
deleted. Whoever dies in between leaves what the next run finishes: a message sent twice starts one run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import (
    BIGGEST_ID,
    Record,
    as_json,
    changed,
    in_transaction,
    record,
    records,
    run,
)
from device_association.domain.plain_numbers import plain_whole
from device_association.domain.storable_text import storable
from device_association.findings.one_by_one import OneByOne
from device_association.messaging.messages import Cause, Decision, Message, Verdict, decide, read_message

MOST = 1000
"""Messages that one run takes at most; the next one goes on."""
EPOCH, LATEST_SENT = datetime(1970, 1, 1, tzinfo=UTC), 253_000_000_000_000
"""When the queue's milliseconds begin; later than this, in the year 9987, no message is sent."""
GONE_AFTER = timedelta(hours=1)
"""How long a message that was found may be hidden by somebody's look before it counts as gone from the queue."""
CAUSE_WORDS: dict[str, tuple[str, str]] = {
    Cause.OPEN: ("Its run could not be started", "Good: put it back."),
    Cause.STALE: ("Its change was retried since", "Harmless: set it aside."),
    Cause.ENDED: ("Its change is not waiting for it", "Harmless: set it aside."),
    Cause.FROM_THE_FUTURE: ("A retry that its change never had", "Set it aside; have a look at who sent it."),
    Cause.NO_SUCH_CHANGE: ("There is no such change", "Nothing can come of it: set it aside."),
    Cause.OTHER_TYPE: ("Another program's change", "Give that program a queue of its own; set it aside."),
    Cause.UNREADABLE: ("Cannot be read", "Set it aside; have a look at who sent it."),
}
"""Each cause in words, and what to do."""
LOOK, REDRIVE = "look at dead letters", "redrive dead letters"
"""The two jobs, as their findings name them."""
_REDRIVEN = f"{REDRIVE}: message "
FAILED = "failed"
log = logging.getLogger(__name__)


class State(StrEnum):
    """What became of a message of the dead-letter queue."""

    FOUND = "FOUND"
    PUT_BACK = "PUT_BACK"
    SET_ASIDE = "SET_ASIDE"
    GONE = "GONE"


class DeadLetterQueue(Protocol):
    """The dead-letter queue, and the way back into the main one."""

    def receive(self) -> Sequence[Mapping[str, Any]]:
        """Return some messages, as SQS tells them, and hide them for a minute; none where there is no more."""

    def release(self, receipt: str) -> None:
        """Show a message again that was received."""

    def delete(self, receipt: str) -> None:
        """Delete a message."""

    def put_back(self, received: Mapping[str, Any]) -> None:
        """Send to the main queue what a message says."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue, with why it is there as things stand now."""

    received: Mapping[str, Any]
    message: Message | None
    cause: Cause
    reason: str

    @property
    def message_id(self) -> str:
        """The id that SQS gave it; what is put back gets another."""
        return str(self.received["MessageId"])


def look(engine: Engine, queue: DeadLetterQueue, *, now: datetime) -> dict[str, int]:
    """Record what is in the queue and why, and leave it there; return how many there are by cause."""
    counts: Counter[str] = Counter()
    looking, held = OneByOne(engine, LOOK, now), set[str]()
    try:
        for received in _received(queue, held):
            work = partial(_look_at, engine, received, now)
            counts[looking.attempt(f"message {received['MessageId']}", work, FAILED)] += 1
    finally:
        _release(queue, held)
    looking.end()
    _mark_gone(engine, now)
    return dict(counts)


def _look_at(engine: Engine, received: Mapping[str, Any], now: datetime) -> str:
    letter = judge(engine, received)
    in_transaction(engine, partial(_record, letter=letter, now=now))
    return letter.cause


def redrive(
    engine: Engine, queue: DeadLetterQueue, *, actor: str, only: Collection[str] = (), now: datetime
) -> dict[str, int]:
    """Put back the good messages and set aside the rest, all or those with these ids; return how many of what.

    An id that is not in the queue is answered with what became of it. A message of which a part fails stays in the queue,
    counts as `failed`, and is a finding until a later run has done it; the others are done.
    """
    counts: Counter[str] = Counter()
    redriving = OneByOne(engine, REDRIVE, now)
    held, missing = set[str](), set(only)
    try:
        for received in _received(queue, held):
            message_id = str(received["MessageId"])
            missing.discard(message_id)
            if only and message_id not in only:
                counts["left"] += 1
                continue
            work = partial(_redrive_one, engine, queue, received, actor, now)
            became = redriving.attempt(f"message {message_id}", work, FAILED)
            counts[became] += 1
            if became != FAILED:
                held.discard(received["ReceiptHandle"])
                redriving.done(f"message {message_id}")
    finally:
        _release(queue, held)
    for message_id in sorted(missing):
        log.warning("message %s: %s", message_id, _what_became_of(engine, message_id))
        counts["not_there"] += 1
    _mark_gone(engine, now)
    return dict(counts)


def list_dead_letters(
    engine: Engine, caller: PortalUser, *, state: State | None = None, before: int | None = None, limit: int
) -> list[Record]:
    """Return a page of the dead letters that the caller may see, newest first, from below an id."""
    binds = {"user_id": caller.user_id, "state": state, "before": before or BIGGEST_ID, "limit": limit}
    with engine.connect() as connection:
        return list(records(connection, "maintenance/list_visible", **binds))


def _received(queue: DeadLetterQueue, held: set[str]) -> Iterator[Mapping[str, Any]]:
    """Yield each message of the queue once, until there is no more or it is enough for one run.

    What was received is in `held`, by receipt, from then on: all of it is to be released or deleted, whatever happens.
    """
    seen: set[str] = set()
    while len(seen) < MOST:
        received = queue.receive()
        held |= {one["ReceiptHandle"] for one in received}
        fresh = [one for one in received if one["MessageId"] not in seen]
        if not fresh:
            return
        for one in fresh:
            seen.add(one["MessageId"])
            yield one


def judge(engine: Engine, received: Mapping[str, Any]) -> DeadLetter:
    """Return a message with why it is a dead letter; what the world looks like now counts, not how it was then."""
    try:
        message = read_message(received)
    except ValueError as problem:
        return DeadLetter(received, None, Cause.UNREADABLE, f"{problem}")
    decision: Decision = decide(engine, message)
    reason = decision.reason if decision.verdict is not Verdict.START else "its run could not be started"
    return DeadLetter(received, message, decision.cause, reason)


def _redrive_one(engine: Engine, queue: DeadLetterQueue, received: Mapping[str, Any], actor: str, now: datetime) -> str:
    letter = judge(engine, received)
    found = in_transaction(engine, partial(_record, letter=letter, now=now))
    state = State.PUT_BACK if letter.cause is Cause.OPEN else State.SET_ASIDE
    if found["state"] == State.FOUND:
        if state is State.PUT_BACK:
            queue.put_back(letter.received)
        decided = {"message_id": letter.message_id, "state": state, "actor": storable(actor, 100), "now": now}
        in_transaction(engine, lambda connection: changed(connection, "maintenance/decide_dead_letter", **decided))
    else:
        state = State(found["state"])  # somebody died between the decision and the deletion
    queue.delete(letter.received["ReceiptHandle"])
    log.info("message %s: %s, %s: %s", letter.message_id, state, letter.cause, letter.reason)
    return state.lower()


def _record(connection: Connection, letter: DeadLetter, now: datetime) -> Record:
    """Keep a message under its id, and return what became of it so far."""
    key, why = {"message_id": letter.message_id}, {"cause": letter.cause, "detail": storable(letter.reason, 1000)}
    if changed(connection, "maintenance/see_again", now=now, **key, **why) == 0:
        run(connection, "maintenance/insert_dead_letter", now=now, **key, **why, **_content(letter))
    found = record(connection, "maintenance/find_dead_letter", **key)
    assert found is not None, "it was just kept"
    return found


def _content(letter: DeadLetter) -> dict[str, object]:
    sent = plain_whole(str(letter.received.get("Attributes", {}).get("SentTimestamp", "")))
    return {
        "body": storable(letter.received.get("Body") or "", instead="\ufffd"),
        "attributes": storable(as_json(letter.received.get("MessageAttributes") or {}), instead="\ufffd"),
        "bulk_change_id": letter.message and letter.message.bulk_change_id,
        "retry_number": letter.message and letter.message.retry_number,
        "sent": EPOCH + timedelta(milliseconds=sent) if sent and sent < LATEST_SENT else None,
    }


def _what_became_of(engine: Engine, message_id: str) -> str:
    with engine.connect() as connection:
        found = record(connection, "maintenance/find_dead_letter", message_id=message_id)
    if found is None:
        return "the dead-letter queue has no such message, and none was ever found; check the id"
    if found["state"] == State.FOUND:
        return "it is hidden by somebody's look at the queue; try again in a minute"
    return f"{found['state']} on {found['decided']:%Y-%m-%d %H:%M} UTC by {found['decided_by']}; it is not in the queue"


def _mark_gone(engine: Engine, now: datetime) -> None:
    binds = {"not_seen_since": now - GONE_AFTER, "now": now}

    def mark(connection: Connection) -> None:
        run(connection, "maintenance/mark_gone", actor="sweep", **binds)
        run(connection, "maintenance/close_redriven", job=_REDRIVEN, length=len(_REDRIVEN), **binds)

    in_transaction(engine, mark)


def _release(queue: DeadLetterQueue, receipts: Collection[str]) -> None:
    """Show again what was received; a receipt that the queue refuses costs no other."""
    for receipt in receipts:
        try:
            queue.release(receipt)
        except Exception:
            log.exception("a message could not be released; it shows again by itself in a minute")

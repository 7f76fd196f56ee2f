"""Messages that nobody could work on: why each is in the dead-letter queue, and what becomes of it. None is deleted unseen.

Each is kept in a table under its SQS id before anything else; what cannot be kept is a finding and stays in the queue. A good
one is sent to the main queue, then marked, then deleted from the dead-letter queue; any other is marked as set aside, then
deleted. Whoever dies in between leaves what the next run finishes: a message sent twice starts one run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy import Engine

from device_association.database.execution import in_transaction
from device_association.findings.one_by_one import OneByOne
from device_association.maintenance.letter_store import (
    REDRIVE,
    DeadLetter,
    SqsMessage,
    State,
    decide_letter,
    describe_fate,
    keep_letter,
    mark_gone,
)
from device_association.messaging.messages import Cause, Decision, Verdict, decide, read_message

MAX_MESSAGES = 1000
"""Messages that one run takes at most; the next one goes on."""
LOOK = "look at dead letters"
"""The job that only looks, as its findings name it."""
FAILED = "failed"
log = logging.getLogger(__name__)


class DeadLetterQueue(Protocol):
    """The dead-letter queue, and the way back into the main one."""

    def receive(self) -> Sequence[SqsMessage]:
        """Return some messages, as SQS tells them, and hide them for a minute; none where there is no more."""

    def release(self, receipt: str) -> None:
        """Show a message again that was received."""

    def delete(self, receipt: str) -> None:
        """Delete a message."""

    def put_back(self, received: SqsMessage) -> None:
        """Send to the main queue what a message says."""


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
    mark_gone(engine, now)
    return dict(counts)


def _look_at(engine: Engine, received: SqsMessage, now: datetime) -> str:
    letter = judge(engine, received)
    in_transaction(engine, partial(keep_letter, letter=letter, now=now))
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
        log.warning("message %s: %s", message_id, describe_fate(engine, message_id))
        counts["not_there"] += 1
    mark_gone(engine, now)
    return dict(counts)


def _received(queue: DeadLetterQueue, held: set[str]) -> Iterator[SqsMessage]:
    """Yield each message of the queue once, until there is no more or it is enough for one run.

    What was received is in `held`, by receipt, from then on: all of it is to be released or deleted, whatever happens.
    """
    seen: set[str] = set()
    while len(seen) < MAX_MESSAGES:
        received = queue.receive()
        held |= {one["ReceiptHandle"] for one in received}
        fresh = [one for one in received if one["MessageId"] not in seen]
        if not fresh:
            return
        for one in fresh:
            seen.add(one["MessageId"])
            yield one


def judge(engine: Engine, received: SqsMessage) -> DeadLetter:
    """Return a message with why it is a dead letter; what the world looks like now counts, not how it was then."""
    try:
        message = read_message(received)
    except ValueError as problem:
        return DeadLetter(received, None, Cause.UNREADABLE, f"{problem}")
    decision: Decision = decide(engine, message)
    reason = decision.reason if decision.verdict is not Verdict.START else "its run could not be started"
    return DeadLetter(received, message, decision.cause, reason)


def _redrive_one(engine: Engine, queue: DeadLetterQueue, received: SqsMessage, actor: str, now: datetime) -> str:
    letter = judge(engine, received)
    found = in_transaction(engine, partial(keep_letter, letter=letter, now=now))
    state = State.REDRIVEN if letter.cause is Cause.OPEN else State.QUARANTINED
    if found.state == State.FOUND:
        if state is State.REDRIVEN:
            queue.put_back(letter.received)
        decide_letter(engine, letter, state, actor=actor, now=now)
    else:
        state = State(found.state)  # somebody died between the decision and the deletion
    queue.delete(letter.received["ReceiptHandle"])
    log.info("message %s: %s, %s: %s", letter.message_id, state, letter.cause, letter.reason)
    return state.lower()


def _release(queue: DeadLetterQueue, receipts: Collection[str]) -> None:
    """Show again what was received; a receipt that the queue refuses costs no other."""
    for receipt in receipts:
        try:
            queue.release(receipt)
        except Exception:
            log.exception("a message could not be released; it shows again by itself in a minute")

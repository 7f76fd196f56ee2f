"""The outbox: queue messages and notifications, written in the transaction that they are about, sent after it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from device_association.database.execution import exists, in_transaction, rows, run
from device_association.domain.encoding import as_json, utc_milliseconds
from device_association.domain.errors import DatabaseUnavailable
from device_association.findings.one_by_one import error_text

MESSAGE, NOTIFICATION = "MESSAGE", "NOTIFICATION"
MAX_FAILURES = 3
"""So many in a row that cannot be sent end a pass: it is the receiver, not what is sent."""
Send = Callable[[dict[str, object]], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unsent:
    """An entry of the outbox that is still to be sent; `payload` is JSON."""

    outbox_id: int
    payload: str


def enqueue_message(connection: Connection, bulk_change_id: int, retry_number: int, *, now: datetime) -> None:
    """Write the message that starts this change to the outbox."""
    _enqueue(connection, MESSAGE, bulk_change_id, retry_number, message_body(bulk_change_id, retry_number), now)


def enqueue_notification(
    connection: Connection, bulk_change_id: int, retry_number: int, payload: dict[str, object], *, now: datetime
) -> None:
    """Write the notification that this change has ended to the outbox."""
    _enqueue(connection, NOTIFICATION, bulk_change_id, retry_number, payload, now)


def message_body(bulk_change_id: int, retry_number: int) -> dict[str, object]:
    """Return the body of a queue message. Source: the domain contract, section 3."""
    return {"BulkChangeId": bulk_change_id, "RetryNumber": retry_number}


def flush_outbox(engine: Engine, kind: str, send: Send, *, bulk_change_id: int | None = None) -> int:
    """Send the unsent entries of one kind (of one change, or of all) and return how many went out.

    Each is marked after it was sent, so it is sent at least once. One that fails, or cannot be marked, stays unsent, those
    behind it are sent; after MAX_FAILURES in a row nobody is there to take any. The first failure is raised at the end.
    """
    with engine.connect() as connection:
        unsent = rows(connection, Unsent, "messaging/list_unsent", kind=kind, bulk_change_id=bulk_change_id)
    problems: list[Exception] = []
    in_row = 0
    for one in unsent:
        try:
            _send_one(engine, one, send)
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            problems.append(problem)
            in_row += 1
            if in_row >= MAX_FAILURES:
                break
        else:
            in_row = 0
    if problems:
        raise problems[0]
    return len(unsent)


def _send_one(engine: Engine, unsent: Unsent, send: Send) -> None:
    outbox_id = unsent.outbox_id
    try:
        send(json.loads(unsent.payload))
    except Exception as problem:
        error = error_text(problem)
        in_transaction(engine, lambda c: run(c, "messaging/mark_failed", outbox_id=outbox_id, error=error))
        raise
    now = utc_milliseconds(datetime.now(UTC))
    in_transaction(engine, lambda c: run(c, "messaging/mark_sent", outbox_id=outbox_id, now=now))


def send_at_once(engine: Engine, bulk_change_id: int, send: Send) -> bool:
    """Send a change's message right after its commit; return whether it waits instead.

    Whatever goes wrong, the change is stored and its message in the outbox: the sweep sends it, and no request fails for it.
    """
    try:
        flush_outbox(engine, MESSAGE, send, bulk_change_id=bulk_change_id)
    except Exception:
        log.exception("the message of bulk change %s waits", bulk_change_id)
        return True
    return False


def is_waiting(engine: Engine, bulk_change_id: int) -> bool:
    """Whether a change's message was tried and could not be sent yet."""
    with engine.connect() as connection:
        return exists(connection, "messaging/find_waiting", bulk_change_id=bulk_change_id)


def _enqueue(
    connection: Connection,
    kind: str,
    bulk_change_id: int,
    retry_number: int,
    payload: dict[str, object],
    now: datetime,
) -> None:
    run(
        connection,
        "messaging/insert_outbox",
        kind=kind,
        bulk_change_id=bulk_change_id,
        retry_number=retry_number,
        payload=as_json(payload),
        now=now,
    )

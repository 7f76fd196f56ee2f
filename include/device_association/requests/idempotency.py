"""Keys that make a request safe to send again: the same key and body get the same answer.

Source: the domain contract, section 3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from device_association.database.execution import row, run
from device_association.domain.codes import RequestCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import Refusal, RequestRefused

FIELD = "Idempotency-Key"
KEPT = timedelta(hours=24)
PRINTABLE = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A key with the body that it came with, both as hashes."""

    key_hash: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: the id of its change, and how many of its devices may go on."""

    change_id: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key of an earlier request with the hash of its body; the answer is written in the same transaction."""

    body_hash: str
    bulk_change_id: int
    accepted: int
    rejected: int


def request_key(header: str | None, sent: Mapping[str, object]) -> RequestKey | None:
    """Return the key of a request, None where it has none; blanks and the order of fields do not make another body."""
    if header is None:
        return None
    if not PRINTABLE.fullmatch(header):
        text = "a key is 1 to 200 printable ASCII characters without blanks; a UUID is a good one"
        raise RequestRefused([Refusal(RequestCode.INVALID_REQUEST, FIELD, text)])
    return RequestKey(_hash(header), _hash(as_json(dict(sorted(sent.items())))))


def take_key(connection: Connection, key: RequestKey, user_id: int, *, now: datetime) -> Answer | None:
    """Take a key for this transaction's request, or return the answer that an earlier one with the same body got.

    Of two requests at once the second waits here until the first has committed. Raises RequestRefused for another body.
    """
    run(connection, "requests/delete_old_keys", user_id=user_id, oldest=now - KEPT)
    found = row(connection, StoredKey, "requests/find_key", user_id=user_id, key_hash=key.key_hash)
    if found is None:
        run(
            connection,
            "requests/insert_key",
            user_id=user_id,
            key_hash=key.key_hash,
            body_hash=key.body_hash,
            now=now,
        )
        return None
    if found.body_hash != key.body_hash:
        text = "this key came with another body within 24 hours; send a new key with a new request"
        raise RequestRefused([Refusal(RequestCode.IDEMPOTENCY_KEY_REUSED, FIELD, text)])
    return Answer(found.bulk_change_id, found.accepted, found.rejected)


def keep_answer(connection: Connection, key: RequestKey, user_id: int, answer: Answer) -> None:
    """Keep the answer to this transaction's request under its key."""
    run(
        connection,
        "requests/answer_key",
        user_id=user_id,
        key_hash=key.key_hash,
        bulk_change_id=answer.change_id,
        accepted=answer.accepted,
        rejected=answer.rejected,
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

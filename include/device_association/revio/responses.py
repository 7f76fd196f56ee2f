"""What an answer of Rev.io means: decided by method and moment, not only by status. Source: the Rev.io contract, 'Failures'.

What an error shows of an answer is bounded and redacted: a server may echo our credentials or a customer's data.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus

from device_association.domain.errors import (
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.domain.storable_text import storable
from device_association.revio.no_answer import NoAnswer
from device_association.revio.transport import Answer

MAX_ID = 2**31 - 1
MAX_DIGITS = 255
"""Digits of the longest whole number that a record may hold; Python refuses a text whose number is far longer."""
MAX_WAIT = 1e9
"""Seconds; only so that the number stays one that a clock can add."""
SHOWN, LOOKED_AT, MAX_DEPTH = 300, 64 * 1024, 8
DOUBTFUL = frozenset({408, 499})
"""Refusals of a gateway that may already have passed the call on."""
MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,7}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
NO_YEARS = frozenset({0, 1, 9999})
"""Years of dates that stand for none."""
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SECONDS = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*")
WAIT_IN_TEXT = re.compile(r"(?:try again|replenished) in (?:([0-9]+):([0-9]+):)?([0-9]+)", re.IGNORECASE)
QUOTA = re.compile(r"call volume quota", re.IGNORECASE)
CONTROL, MARKUP, BLANK = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]"), re.compile(r"<[^>]*>"), re.compile(r"\s+")
TELLING = re.compile(r"error|message|title|detail|reason|code|description|field|^ok$", re.IGNORECASE)
PERSONAL = re.compile(
    r"(first|last|middle|full|company|contact|user)_?name|mail|phone|street|address|birth|ssn|\bpin\b|_pin|pin_|card"
    r"|passw|secret|token|key|auth|cookie",
    re.IGNORECASE,
)
CREDENTIALS = re.compile(r"\b(basic|bearer)\s+[\w+/=.~-]+", re.IGNORECASE)
MAIL = re.compile(r"[^\s<>\"'(:,;]+@[^\s<>\"'):,;]+")


class AnswerReader:
    """Reads the answers of one account; `secrets` are its credentials, which no error may show."""

    def __init__(self, name: str, secrets: Iterable[str], clock: Callable[[], datetime]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._secrets = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
        self._longest = max(map(len, forms))
        self._name, self._clock = name, clock

    def no_answer(self, method: str, path: str, problem: NoAnswer) -> RevioError:
        """Return what a call without an answer means: never sent, or, unless it only reads, perhaps acted on."""
        if not problem.sent:
            return RevioRetryable(f"{self._name}: {method} {path}: Rev.io could not be reached: {problem}")
        return _doubt(method, f"{self._name}: {method} {path}: no answer to a call that was sent: {problem}")

    def accept(self, method: str, path: str, answer: Answer) -> None:
        """Return when the status says that the call succeeded, raise what it means when not."""
        status = answer.status
        if 200 <= status < 300:
            return
        said, wait = self._said(method, path, answer), self._wait(answer)
        if status == 429 or (status == 403 and _is_limit(answer)):
            is_quota = status == 403 or bool(
                QUOTA.search(_start(answer))
            )  # a 403 that is no refusal is the day's quota
            raise RevioRetryable(said, status=status, retry_after=wait, is_quota=is_quota)
        if status in {401, 403}:
            raise RevioUnauthorized(said, status=status)
        if (400 <= status < 500 and status not in DOUBTFUL) or (300 <= status < 400 and method == "GET"):
            raise RevioRejected(said, status=status)
        raise _doubt(method, said, status=status, retry_after=wait)

    def parsed(self, method: str, path: str, answer: Answer) -> dict[str, Any]:
        """Return the object that a call was answered with."""
        self.accept(method, path, answer)
        try:
            found = json.loads(answer.body, parse_int=read_integer)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get("ok", True) is True:
            return found
        raise _doubt(method, self._said(method, path, answer), status=answer.status)

    def created(self, path: str, answer: Answer) -> int:
        """Return the id of what a POST created."""
        created = self.parsed("POST", path, answer).get("id")
        if isinstance(created, int) and not isinstance(created, bool) and 0 < created <= MAX_ID:
            return created
        said = f"{self._name}: POST {path} was answered {answer.status} without a positive id"
        raise RevioOutcomeUnknown(said, status=answer.status)

    def page(self, path: str, answer: Answer) -> tuple[list[Any], bool]:
        """Return the records of a page, whatever they are, and whether there may be more."""
        found = self.parsed("GET", path, answer)
        records = found.get("records")
        if isinstance(records, list):
            return records, found.get("has_more") is not False
        said = f"{self._name}: GET {path} was answered without records"
        raise RevioRetryable(said, status=answer.status)

    def _said(self, method: str, path: str, answer: Answer) -> str:
        return f"{self._name}: {method} {path} was answered {answer.status}: {self._shown(answer.body)}"

    def _wait(self, answer: Answer) -> float | None:
        """Return the seconds that a call is told to wait: by header, or only by the text of a limit's body."""
        told = answer.headers.get("Retry-After", "")
        if seconds := SECONDS.fullmatch(told):
            return min(float(seconds[1]), MAX_WAIT)
        if then := _http_date(told):
            now = _http_date(answer.headers.get("Date", "")) or self._clock()
            return max(0.0, (then - now).total_seconds())
        found = WAIT_IN_TEXT.search(_start(answer)) if answer.status in {403, 429} else None
        if found is None:
            return None
        hours, minutes, seconds_left = (float(part or 0) for part in found.groups())
        return min(hours * 3600 + minutes * 60 + seconds_left, MAX_WAIT)

    def _shown(self, body: bytes) -> str:
        """Return the start of an error's body for a person to read: no markup, no secret, no customer's data."""
        text = CONTROL.sub("", _decoded(body))
        if b"\0" in body or body.startswith(UTF_16):
            text = f"{len(body)} bytes that are no text"
        elif text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}:
            try:
                text = "; ".join(_told(json.loads(body))) or f"JSON of {len(body)} bytes that names no error"
            except (ValueError, RecursionError):
                text = f"unreadable JSON of {len(body)} bytes"
        elif len(body) > LOOKED_AT:
            text = text[: -self._longest]
        text = self._redacted(html.unescape(MARKUP.sub(" ", self._redacted(text))))
        return storable(BLANK.sub(" ", text).strip()[:SHOWN]) or "(empty)"

    def _redacted(self, text: str) -> str:
        text = CREDENTIALS.sub(r"\1 [redacted]", self._secrets.sub("[redacted]", text))
        return MAIL.sub("[e-mail]", text)


def read_integer(digits: str) -> int | float:
    """Return a whole number of an answer; one that is too long to be any field's as a float, which lost its digits."""
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


def whole(value: object) -> int | None:
    """Return the id that a record holds, None when it holds none; digits in quotes are one as well, and 7.0 is 7."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ID
    return value if is_id else None  # type: ignore[return-value]  # is_id says it is an int


def spelled_id(number: str) -> int | None:
    """Return the id that a text of the portal's is, None where it is not as Rev.io writes it: "047" is no spelling of 47."""
    found = whole(number)
    return found if str(found) == number else None


def parse_moment(text: object, zone: tzinfo = UTC) -> datetime | None:
    """Return the instant of a date as Rev.io writes it, in the account's zone where it names none.

    Null, "", the years 1 and 9999, with which other systems write an open end, and what is not a date mean none.
    """
    found = MOMENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or int(found[1]) in NO_YEARS:
        return None
    fraction = f".{found[7][:6]:0<6}" if found[7] else ""
    clock = f"{found[4] or '00'}:{found[5] or '00'}:{found[6] or '00'}{fraction}"
    try:
        moment = datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{clock}{found[8] or ''}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _doubt(method: str, said: str, *, status: int | None = None, retry_after: float | None = None) -> RevioError:
    """Return what a call of unknown outcome means: one that only reads can be repeated, no other can."""
    if method == "GET":
        return RevioRetryable(said, status=status, retry_after=retry_after)
    return RevioOutcomeUnknown(said, status=status)


def _is_limit(answer: Answer) -> bool:
    """Whether a 403 is the daily quota's: it says when to come back, or names the quota."""
    return bool(answer.headers.get("Retry-After", "").strip()) or bool(QUOTA.search(_start(answer)))


def _start(answer: Answer) -> str:
    return answer.body[:2000].decode("utf-8", "replace")


def _decoded(body: bytes) -> str:
    """Read the start of a text, which may be cut within a letter."""
    start = body[:LOOKED_AT]
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(start, final=start == body)
    except UnicodeDecodeError:
        return start.decode("latin-1")


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(value: Any, name: str = "", *, telling: bool = False, depth: int = 0) -> Iterator[str]:
    """Yield what a JSON answer says about the error; all else in it may be a customer's record."""
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inner in value.items():
            if not PERSONAL.search(key):
                yield from _told(inner, key, telling=telling or bool(TELLING.search(key)), depth=depth + 1)
    elif isinstance(value, list) and depth < MAX_DEPTH:
        for inner in value[:20]:
            yield from _told(inner, name, telling=telling, depth=depth + 1)
    elif telling and isinstance(value, str | int):
        yield f"{name}: {value}"


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a server may write a secret that it echoes."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), quote(secret), b64encode(secret.encode()).decode())
    yield secret.encode().decode("latin-1")
    yield from (secret.encode(lossy, "replace").decode(lossy) for lossy in ("latin-1", "ascii"))
    yield from (html.escape(secret), html.escape(secret, quote=False))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])

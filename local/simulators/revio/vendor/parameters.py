"""Reading what a caller sent, and refusing what can't be read."""

from __future__ import annotations

from datetime import datetime


class Refused(Exception):
    """The call is refused with a status and a reason, in the vendor's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"ok": False, "error": message}


def moment(text: str, field: str) -> datetime:
    """Return the moment that a text says, with its zone where it has one; raises Refused."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, f"{field} must be a date, {text!r} was sent") from None


def integer(text: str | None, field: str) -> int:
    """Return the whole number that a text says; raises Refused."""
    try:
        return int(text or "")
    except ValueError:
        raise Refused(400, f"{field} must be a whole number, {text!r} was sent") from None

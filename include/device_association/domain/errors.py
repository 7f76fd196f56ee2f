"""What can go wrong, split by what the caller can do about it.

AssociationError
├── RequestRefused           the request itself is wrong: nothing was stored, correct it and send it again
├── ClaimLost                somebody else works on this change: end without writing
├── ChangeNotRunnable        the change is missing, ended or another program's: do what the message says
├── DataCheckFailed          the batch failed its data checks: nothing was billed or associated
├── ConfigurationError       a connection, setting, right or table is missing or wrong: correct it, then clear the task
├── IntervalInFuture         a run is for hours that have not come yet: start it again when they have
├── DatabaseUnavailable      no database answers: the transaction is tried again for a while
├── StepUnfinished           some devices wait for the outcome of a call: run the step again later
└── RevioError
    ├── RevioRetryable       turned away or never sent: repeat, also a POST
    ├── RevioRejected        refused, and will stay refused
    ├── RevioUnauthorized    credentials or role: touch no further device
    └── RevioOutcomeUnknown  a POST that may or may not have created a line: look it up, never repeat blindly
        └── RecordUnreadable a record that the look-up found cannot be judged: correct it in Rev.io
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any


class AssociationError(Exception):
    """Anything this product raises on purpose; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason to refuse a request: its code, the field of the request, and what to do about it."""

    code: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} (field {self.field})"


class RequestRefused(AssociationError):
    """The whole request is refused and nothing was stored."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = tuple(refusals)


class ClaimLost(AssociationError):
    """Another run holds the bulk change, or it was retried since."""


class ChangeNotRunnable(AssociationError):
    """There is no such change, it has ended, or another program is at work on it."""


class DataCheckFailed(AssociationError):
    """A critical expectation failed: the change is stopped before any outside effect."""


class ConfigurationError(AssociationError):
    """A connection, a setting, a right of the login or a part of the database is missing or cannot be used."""


class IntervalInFuture(AssociationError):
    """A run was asked for a data interval that has not begun."""


class DatabaseUnavailable(AssociationError):
    """Nobody answers where the portal's database should be."""


class StepUnfinished(AssociationError):
    """Devices wait until the outcome of a call is known; the step is to be run again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RevioError(AssociationError):
    """A call to Rev.io did not end well. `status` is the HTTP status, None where no answer came."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RevioRetryable(RevioError):
    """Turned away before Rev.io acted, or never sent: safe to repeat, also a POST, after `retry_after` seconds.

    `status` below 300: Rev.io answers, and this answer to a call that only reads cannot be used.
    `is_quota`: the account's calls of the day are used up.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None, is_quota: bool = False
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after
        self.is_quota = is_quota


class RevioRejected(RevioError):
    """Refused, and will stay refused while the request is unchanged."""


class RevioUnauthorized(RevioError):
    """Rev.io refuses the credentials or the role."""


class RevioOutcomeUnknown(RevioError):
    """Whether Rev.io acted on the call is not known.

    `late`: set where the call took too long and is still out; brings the id of what it created or disconnected, if Rev.io
    still answers.
    """

    late: Future[Any] | None = None  # of what the client's method returns


class RecordUnreadable(RevioOutcomeUnknown):
    """Rev.io shows a record that may be the one in question, and it cannot be read: nothing counts as absent."""

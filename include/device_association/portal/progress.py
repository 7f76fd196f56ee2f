"""How a change stands: state, step, counts that always add up, and how long it will take."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from threading import Lock

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.locks import find_bulk_change
from device_association.database.execution import as_json, record, records
from device_association.domain.codes import NOT_ENDED, RUNNING, Row
from device_association.portal.field_names import shown
from device_association.rate_limiting.policy import Limits

OPEN = (Row.NEW, Row.PROCESSING)


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a change; the counts come from one statement, so they are of one moment."""

    bulk_change_id: int
    retry_number: int
    status: str
    step: str | None
    counts: dict[str, int]
    estimate_seconds: int | None

    @property
    def total(self) -> int:
        """How many devices the change has."""
        return sum(self.counts.values())

    @property
    def has_ended(self) -> bool:
        """Whether nothing will move any more, short of a retry."""
        return self.status not in NOT_ENDED

    def as_record(self) -> dict[str, object]:
        """The look as an answer shows it."""
        return {
            "bulk_change_id": self.bulk_change_id,
            "retry_number": self.retry_number,
            "status": self.status,
            "step": self.step,
            "counts": {**self.counts, "TOTAL": self.total},
            "estimate_seconds": self.estimate_seconds,
        }


def read_progress(connection: Connection, bulk_change_id: int) -> Progress:
    """Return how a change stands; its status is read before its counts, so that an ended change's counts are final."""
    change = find_bulk_change(connection, bulk_change_id)
    assert change is not None, "the caller has just seen it"
    retry = change.retry_number
    steps = records(connection, "bulk_changes/list_steps", bulk_change_id=bulk_change_id, retry_number=retry)
    counts = count_states(connection, [bulk_change_id])[bulk_change_id]
    remaining = sum(counts[state] for state in OPEN)
    return Progress(
        bulk_change_id=bulk_change_id,
        retry_number=retry,
        status=change.status,
        step=steps[-1]["step"] if steps else None,
        counts=counts,
        estimate_seconds=_seconds(connection, bulk_change_id, remaining) if change.status in RUNNING else None,
    )


def count_states(connection: Connection, changes: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return for each change how many of its devices are in which state, those with none too."""
    found = {change: dict.fromkeys(map(str, Row), 0) for change in changes}
    for one in records(connection, "portal/count_states", changes=as_json(list(found))):
        found[one["bulk_change_id"]][one["status"]] = one["devices"]
    return found


def _seconds(connection: Connection, bulk_change_id: int, remaining: int) -> int | None:
    """Return how long the remaining lines take at the account's rate; None where no line is asked for."""
    usual = Limits().calls_per_minute
    found = record(connection, "portal/find_rate", bulk_change_id=bulk_change_id, usual_rate=usual)
    rate = found and found["calls_per_minute"]
    return ceil(remaining * 60 / rate) if rate else None


@dataclass(frozen=True, slots=True)
class Event:
    """A look as a server-sent event; its id is a digest of what it says, so that the same look has the same id."""

    id: str
    text: str


def as_event(progress: Progress) -> Event:
    """Return a look as an event that stands for itself: a reader who missed some has missed nothing."""
    said = as_json(shown(progress.as_record()))
    number = hashlib.sha256(said.encode()).hexdigest()[:16]
    return Event(number, f"id: {number}\nevent: progress\ndata: {said}\n\n")


LOOKS_SHARE = 50
"""A look that took a second is good for so many times as long as one that took none: looking takes no more than 2 percent."""


class Looks:
    """Shares the looks at changes among all who watch: however many they are, a change is read once in a while."""

    def __init__(self, engine: Engine, *, good_for: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._good_for, self._clock = engine, good_for, clock
        self._lock = Lock()
        self._taken: dict[int, tuple[float, Progress]] = {}

    def look(self, bulk_change_id: int) -> Progress:
        """Return a look at a change that is not older than it is good for.

        One that has ended is not kept: who watches its retry would be told that it has ended, and look no more.
        """
        with self._lock:
            now = self._clock()
            self._taken = {change: one for change, one in self._taken.items() if now < one[0]}
            if bulk_change_id not in self._taken:
                with self._engine.connect() as connection:
                    seen = read_progress(connection, bulk_change_id)
                good_for = self._good_for * max(1.0, LOOKS_SHARE * (self._clock() - now))
                if not seen.has_ended:
                    self._taken[bulk_change_id] = (now + good_for, seen)
                return seen
            return self._taken[bulk_change_id][1]

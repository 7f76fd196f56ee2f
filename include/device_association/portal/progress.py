"""How a change stands: state, step, counts that always add up, and how long it will take."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from threading import Lock

from cachetools import TLRUCache
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.locks import find_bulk_change
from device_association.bulk_changes.steps import list_steps
from device_association.database.execution import only_row, rows
from device_association.domain.codes import NOT_ENDED, RUNNING, DeviceChangeStatus
from device_association.domain.encoding import as_json
from device_association.portal.field_names import to_api
from device_association.rate_limiting.policy import Limits

OPEN = (DeviceChangeStatus.NEW, DeviceChangeStatus.PROCESSING)
TOTAL = "TOTAL"
"""The key of the sum among the counts of states."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a change stands; the counts come from one statement, so they are of one moment.

    `counts` are the devices by state, and all of them under TOTAL.
    """

    bulk_change_id: int
    retry_number: int
    status: str
    step: str | None
    counts: dict[str, int]
    estimate_seconds: int | None

    @property
    def total(self) -> int:
        """How many devices the change has."""
        return self.counts[TOTAL]

    @property
    def has_ended(self) -> bool:
        """Whether nothing will move any more, short of a retry."""
        return self.status not in NOT_ENDED


@dataclass(frozen=True, slots=True)
class StateDevices:
    """How many devices of a change are in a state."""

    bulk_change_id: int
    status: str
    devices: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How many calls a minute a change's lines are made with; None where it asks for none."""

    calls_per_minute: int | None


def read_progress(connection: Connection, bulk_change_id: int) -> Progress:
    """Return how a change stands; its status is read before its counts, so that an ended change's counts are final."""
    change = find_bulk_change(connection, bulk_change_id)
    assert change is not None, "the caller has just seen it"
    retry = change.retry_number
    steps = list_steps(connection, bulk_change_id, retry)
    counts = count_states(connection, [bulk_change_id])[bulk_change_id]
    remaining = sum(counts[state] for state in OPEN)
    return Progress(
        bulk_change_id=bulk_change_id,
        retry_number=retry,
        status=change.status,
        step=steps[-1].step if steps else None,
        counts=with_total(counts),
        estimate_seconds=_seconds(connection, bulk_change_id, remaining) if change.status in RUNNING else None,
    )


def count_states(connection: Connection, changes: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return for each change how many of its devices are in which state, those with none too."""
    found = {change: dict.fromkeys(map(str, DeviceChangeStatus), 0) for change in changes}
    for one in rows(connection, StateDevices, "portal/count_states", changes=as_json(list(found))):
        found[one.bulk_change_id][one.status] = one.devices
    return found


def with_total(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of states with their sum."""
    return {**counts, TOTAL: sum(counts.values())}


def _seconds(connection: Connection, bulk_change_id: int, remaining: int) -> int | None:
    """Return how long the remaining lines take at the account's rate; None where no line is asked for."""
    usual = Limits().calls_per_minute
    rate = only_row(connection, Rate, "portal/find_rate", bulk_change_id=bulk_change_id, usual_rate=usual)
    return ceil(remaining * 60 / rate.calls_per_minute) if rate.calls_per_minute else None


@dataclass(frozen=True, slots=True)
class Event:
    """Progress as an event for who watches; its id is a digest of `data`, so that the same progress has the same id."""

    id: str
    data: str


def as_event(progress: Progress) -> Event:
    """Return progress as an event that stands for itself: a reader who missed some has missed nothing."""
    data = as_json(to_api(progress))
    return Event(hashlib.sha256(data.encode()).hexdigest()[:16], data)


COST_FACTOR = 50
"""A change that took a second to read is kept for so many times as long: reading takes no more than 2 percent of the time."""


class ProgressCache:
    """Shares what was read of changes among all who watch: however many they are, a change is read once in a while."""

    def __init__(self, engine: Engine, *, good_for: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._good_for, self._clock = engine, good_for, clock
        self._lock = Lock()
        self._kept: TLRUCache[int, tuple[float, Progress], float] = TLRUCache(inf, lambda _, kept, __: kept[0], clock)

    def read(self, bulk_change_id: int) -> Progress:
        """Return how a change stands, not older than it is good for.

        One that has ended is not kept: who watches its retry would see that it has ended, and stop.
        """
        with self._lock:
            kept = self._kept.get(bulk_change_id)
            if kept is None:
                began = self._clock()
                with self._engine.connect() as connection:
                    progress = read_progress(connection, bulk_change_id)
                good_for = self._good_for * max(1.0, COST_FACTOR * (self._clock() - began))
                kept = self._kept[bulk_change_id] = (began if progress.has_ended else began + good_for, progress)
            return kept[1]

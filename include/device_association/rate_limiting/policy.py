"""Which calls to Rev.io an account's callers may make, and when; pure decisions over how its budget stands.

A big change goes at an even pace and never holds more than a turn of calls that are still to be made, so that changes which
wait take equal turns; a small one takes at once what the minute has left. Source: the Rev.io contract, 'Limits'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from enum import Enum, auto

MINUTE = timedelta(seconds=60)
SLACK = timedelta(seconds=0.6)
"""How much later than a minute a slot is used again: calls reach the vendor sooner or later than they were sent."""
TURN = 8
"""Most calls that a big change has yet to make of those it was given: about a second of 500 a minute."""
SMALL = 20
"""A change with no more devices than this takes at once what the minute has left."""
MAX_KEPT = 10_000
"""More calls a minute than this count as no limit: for benchmarks and vendors of one's own."""
MAX_FAILURES = 10
"""So many calls in a row without an answer, or with a 5xx, open the breaker."""
OPEN_SECONDS = 20.0
"""How long nobody calls an account whose breaker has opened, until one probe asks whether it answers again."""

OWN_PART, FREE_PART = 50, 10
"""Which part of the minute is reconciliation's own, and which it has at most, while others leave that free."""
LONGEST_PAUSE = 15 * 60.0
"""Longest that an account is paused for one answer, in seconds, whatever the answer says; but for a spent quota."""
PAUSE_SECONDS = 5.0
"""How long nobody calls an account that turned a call away without saying for how long. What comes after a pause is spread
by the slots, no jitter is needed."""


class Pace(Enum):
    """How a caller wants its calls."""

    EVEN = auto()
    AT_ONCE = auto()
    LAST = auto()
    """Reconciliation: a fiftieth of the minute that nobody can take from it, a tenth while others leave that free."""


@dataclass(frozen=True, slots=True)
class Permit:
    """One call that may be made, from a moment on; `number` is that of its slot."""

    number: int
    used_from: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller may do: make these calls, or wait for the reason, or first ask whether Rev.io answers.

    `wait` is in seconds.
    """

    permits: tuple[Permit, ...] = ()
    wait: float = 0.0
    reason: str = ""
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """How an account's budget stands, as `rate_limiting/find_budget` returns it; times are UTC."""

    next_paced: datetime
    """From when on the next evenly paced call may be made."""
    paused_until: datetime
    pause_reason: str
    calls_today: int
    failures_in_row: int
    open_until: datetime
    """Until when the breaker lets nobody call, where it is open."""
    ahead: int
    """How many calls the change has yet to make of those it was given."""
    last_used: datetime | None
    """When the last of the change's calls is or was made; None: none that is known."""


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A slot of an account, and from when on it may be used, as `rate_limiting/list_slots` returns it."""

    number: int
    free_from: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account. Source: the Rev.io contract, 'Limits'; the connection's extra may lower them."""

    calls_per_minute: int = 500
    calls_per_day: int = 150_000

    @property
    def are_kept(self) -> bool:
        """Whether there is a limit to keep: with none, or with one that no vendor has, calls go as fast as they can."""
        return 0 < self.calls_per_minute <= MAX_KEPT

    @property
    def pace(self) -> timedelta:
        """The time from one evenly paced call to the next."""
        return MINUTE / self.calls_per_minute

    @property
    def used_up(self) -> str:
        """The reason to wait for tomorrow."""
        return f"the account's {self.calls_per_day} calls of today are used up"

    def last_pace(self, *, is_free: bool) -> timedelta:
        """The time from one call that is wanted last to the next: by its own share, or by what others leave free.

        An account of a few calls a minute gives it two of them, so that no call waits longer than callers do.
        """
        return MINUTE / max(2, self.calls_per_minute // (FREE_PART if is_free else OWN_PART))


def decide(
    budget: Budget, free: Sequence[FreeSlot], limits: Limits, *, wanted: int, pace: Pace, now: datetime
) -> Grant:
    """Return what a caller may do now, from how the budget stands and the slots that are free first."""
    blocked = _blocked(budget, limits, now)
    if blocked is not None:
        return blocked
    room = min(wanted, limits.calls_per_day - budget.calls_today)
    if pace is Pace.EVEN:
        room = min(room, TURN - budget.ahead)
    if room <= 0:
        return Grant(wait=_seconds(limits.pace * TURN / 2), reason="other calls of this change are to be made first")
    if pace is Pace.LAST:
        last, room = budget.last_used, 1
        due = now if last is None else last + limits.last_pace(is_free=_leaves_room(free, limits, now))
        if due > now:
            return Grant(wait=_seconds(due - now), reason="others go first")
    first = max(now, budget.next_paced) if pace is Pace.EVEN else now
    return Grant(permits=tuple(_permits(free[:room], limits, pace, first)))


def next_day(now: datetime) -> datetime:
    """Return when the next day of the quota begins."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time_of_day(), UTC)


def _blocked(budget: Budget, limits: Limits, now: datetime) -> Grant | None:
    """Return why nobody may call the account now: it is paused, its day is used up, or it does not answer."""
    if budget.paused_until > now:
        return Grant(wait=_seconds(budget.paused_until - now), reason=budget.pause_reason)
    if budget.calls_today >= limits.calls_per_day:
        return Grant(wait=_seconds(next_day(now) - now), reason=limits.used_up)
    if budget.failures_in_row < MAX_FAILURES:
        return None
    if budget.open_until > now:
        return Grant(wait=_seconds(budget.open_until - now), reason="Rev.io does not answer")
    return Grant(probe=True)


def _permits(free: Sequence[FreeSlot], limits: Limits, pace: Pace, moment: datetime) -> list[Permit]:
    permits = []
    for one in free:
        moment = max(moment, one.free_from)
        permits.append(Permit(one.number, moment))
        if pace is not Pace.AT_ONCE:
            moment += limits.pace
    return permits


def _leaves_room(free: Sequence[FreeSlot], limits: Limits, now: datetime) -> bool:
    kept = limits.calls_per_minute // FREE_PART
    return len(free) > kept and free[kept].free_from <= now


def _seconds(time: timedelta) -> float:
    return max(0.05, time.total_seconds())

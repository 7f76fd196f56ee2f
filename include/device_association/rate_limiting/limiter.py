"""One budget of calls for each Rev.io account, shared by all workers and runs through the portal's database.

The vendor lets so many calls into any sliding minute. Each of them is a row, a slot, that is free again a minute after its
call: more calls than slots can never be out, whatever the clocks of the workers say, and what a killed worker took comes
back by itself. A worker takes several slots at once, each with the moment of its call, so that a call costs no round trip.

Who gets them: a big change goes at an even pace and never holds more than a turn of calls that are still to be made, so
that changes which wait take equal turns; a small one takes at once what the minute has left.
Source: the Rev.io contract, 'Limits'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from enum import Enum, auto

from sqlalchemy import Connection, Engine

from device_association.database.execution import Record, as_json, changed, in_transaction, record, records, run
from device_association.domain.errors import RevioError, RevioOutcomeUnknown, RevioRetryable
from device_association.domain.storable_text import storable

MINUTE = timedelta(seconds=60)
SLACK = timedelta(seconds=0.6)
"""How much later than a minute a slot is used again: calls reach the vendor sooner or later than they were sent."""
TURN = 8
"""Most calls that a big change has yet to make of those it was given: about a second of 500 a minute."""
SMALL = 20
"""A change with no more devices than this takes at once what the minute has left."""
MOST_KEPT = 10_000
"""More calls a minute than this count as no limit: for benchmarks and vendors of one's own."""
MOST_FAILURES = 10
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
class Slot:
    """One call that may be made, from a moment on."""

    number: int
    used_from: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What a caller may do: make these calls, or wait so many seconds for the reason, or first ask whether Rev.io answers."""

    slots: tuple[Slot, ...] = ()
    wait: float = 0.0
    reason: str = ""
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account. Source: the Rev.io contract, 'Limits'; the connection's extra may lower them."""

    calls_per_minute: int = 500
    calls_per_day: int = 150_000

    @property
    def are_kept(self) -> bool:
        """Whether there is a limit to keep: with none, or with one that no vendor has, calls go as fast as they can."""
        return 0 < self.calls_per_minute <= MOST_KEPT

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


def decide(budget: Record, free: Sequence[Record], limits: Limits, *, wanted: int, pace: Pace, now: datetime) -> Turn:
    """Return what a caller may do now, from how the budget stands and the slots that are free first."""
    if budget["paused_until"] > now:
        return Turn(wait=_seconds(budget["paused_until"] - now), reason=budget["pause_reason"])
    if budget["calls_today"] >= limits.calls_per_day:
        return Turn(wait=_seconds(_tomorrow(now) - now), reason=limits.used_up)
    if budget["failures_in_row"] >= MOST_FAILURES:
        if budget["open_until"] > now:
            return Turn(wait=_seconds(budget["open_until"] - now), reason="Rev.io does not answer")
        return Turn(probe=True)
    room = min(wanted, limits.calls_per_day - budget["calls_today"])
    if pace is Pace.EVEN:
        room = min(room, TURN - budget["ahead"])
    if room <= 0:
        return Turn(wait=_seconds(limits.pace * TURN / 2), reason="other calls of this change are to be made first")
    if pace is Pace.LAST:
        last, room = budget["last_used"], 1
        due = now if last is None else last + limits.last_pace(is_free=_leaves_room(free, limits, now))
        if due > now:
            return Turn(wait=_seconds(due - now), reason="others go first")
    return Turn(
        slots=tuple(_slots(free[:room], limits, pace, max(now, budget["next_paced"]) if pace is Pace.EVEN else now))
    )


def _slots(free: Sequence[Record], limits: Limits, pace: Pace, moment: datetime) -> list[Slot]:
    taken = []
    for one in free:
        moment = max(moment, one["free_from"])
        taken.append(Slot(one["number"], moment))
        if pace is not Pace.AT_ONCE:
            moment += limits.pace
    return taken


def _leaves_room(free: Sequence[Record], limits: Limits, now: datetime) -> bool:
    kept = limits.calls_per_minute // FREE_PART
    return len(free) > kept and bool(free[kept]["free_from"] <= now)


def _tomorrow(now: datetime) -> datetime:
    """Return when the next day of the quota begins."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time_of_day(), UTC)


def _seconds(time: timedelta) -> float:
    return max(0.05, time.total_seconds())


@dataclass(slots=True)
class CallBudget:
    """The budget of one account, as one change or job uses it. `clock` is the database's, see `database_clock`.

    Safe to use from several threads.
    """

    engine: Engine
    connection_id: str
    limits: Limits
    clock: Callable[[], datetime]
    bulk_change_id: int = 0
    patience: float = 60.0
    """Longest that a single call waits for its slot, in seconds."""
    pace: Pace = Pace.AT_ONCE
    """How single calls are wanted."""
    time_zone: str = "UTC"
    """In which Rev.io writes the account's dates; kept for people to see."""
    _failures: int = 0

    @property
    def is_broken(self) -> bool:
        """Whether the breaker is open, as far as this process knows: nobody is to be called."""
        return self._failures >= MOST_FAILURES

    def open(self) -> None:
        """Make the account's rows, once."""
        binds = {
            "connection_id": self.connection_id,
            "calls_per_minute": self.limits.calls_per_minute,
            "time_zone": self.time_zone,
        }
        in_transaction(
            self.engine, lambda connection: run(connection, "rate_limiting/insert_budget", now=self.clock(), **binds)
        )

    def take(self, wanted: int, pace: Pace) -> Turn:
        """Return the calls that may be made, at most so many, or how long to wait and why."""
        return in_transaction(self.engine, lambda connection: self._take(connection, wanted, pace))

    def _take(self, connection: Connection, wanted: int, pace: Pace) -> Turn:
        account = {"connection_id": self.connection_id}
        changed(connection, "rate_limiting/take_turn", now=self.clock(), **account)
        now = self.clock()
        budget = record(connection, "rate_limiting/find_budget", bulk_change_id=self.bulk_change_id, now=now, **account)
        assert budget is not None, "the budget was opened"
        asked = wanted + (self.limits.calls_per_minute // FREE_PART if pace is Pace.LAST else 0)
        free = records(connection, "rate_limiting/list_slots", wanted=asked, **account)
        self._failures = budget["failures_in_row"]
        turn = decide(budget, free, self.limits, wanted=wanted, pace=pace, now=now)
        if turn.probe:
            until = now + timedelta(seconds=OPEN_SECONDS)
            run(
                connection,
                "rate_limiting/begin_probe",
                most_failures=MOST_FAILURES,
                open_until=until,
                now=now,
                **account,
            )
        if budget["calls_today"] >= self.limits.calls_per_day:
            self._pause(connection, _tomorrow(now), self.limits.used_up, budget, now)
        if turn.slots:
            self._keep(connection, turn.slots, pace, budget)
        return turn

    def _keep(self, connection: Connection, slots: Sequence[Slot], pace: Pace, budget: Record) -> None:
        account = {"connection_id": self.connection_id}
        given = [
            {"number": one.number, "used_from": one.used_from, "free_from": one.used_from + MINUTE + SLACK}
            for one in slots
        ]
        run(connection, "rate_limiting/use_slots", slots=as_json(given), bulk_change_id=self.bulk_change_id, **account)
        after = slots[-1].used_from + self.limits.pace if pace is Pace.EVEN else budget["next_paced"]
        run(connection, "rate_limiting/count_calls", calls=len(slots), next_paced=after, **account)

    def wait_for_call(self) -> None:
        """Return when one call may be made; raise RevioRetryable when that takes too long. For look-ups and products.

        Where the breaker is open for a probe the call is that probe.
        """
        give_up = time.monotonic() + self.patience
        while True:
            turn = self.take(1, self.pace)
            if turn.probe:
                return
            wait = (turn.slots[0].used_from - self.clock()).total_seconds() if turn.slots else turn.wait
            if time.monotonic() + wait > give_up:
                self.give_back(turn.slots)
                raise RevioRetryable(
                    f"no call to Rev.io for {wait:.0f} s: {turn.reason or 'others go first'}", retry_after=wait
                )
            time.sleep(max(0.0, wait))
            if turn.slots:
                return

    def after_call(self, problem: RevioError | None) -> None:
        """Learn from how a call ended: a vendor that turned it away pauses the account, one that is ill opens its breaker."""
        if isinstance(problem, RevioRetryable) and problem.status in (403, 429):
            self._turned_away(problem)
        elif isinstance(problem, RevioRetryable | RevioOutcomeUnknown):
            self._failures += 1
            self.count_failure()
        elif self._failures:
            self._failures = 0
            self.count_success()

    def _turned_away(self, problem: RevioRetryable) -> None:
        """Pause the account for as long as it was told, within reason; after a pause of that length one probe is made.

        A spent quota is back at the latest when the next day begins; nothing else takes longer than LONGEST_PAUSE.
        """
        told, is_quota = problem.retry_after, problem.is_quota or problem.status == 403
        if is_quota:
            left = (_tomorrow(self.clock()) - self.clock()).total_seconds()
            wait, reason = min(left if told is None else told, left), "Rev.io says that the account's calls are used up"
        else:
            wait, reason = min(PAUSE_SECONDS if told is None else told, LONGEST_PAUSE), "Rev.io turned a call away"
        is_long = is_quota or (told or 0) > LONGEST_PAUSE
        self.pause(wait + SLACK.total_seconds(), reason, probe_first=is_long)

    def give_back(self, slots: Sequence[Slot]) -> None:
        """Give back the calls that were not made."""
        given = as_json(
            [{"number": one.number, "used_from": one.used_from, "free_from": one.used_from} for one in slots]
        )
        account = {"connection_id": self.connection_id}

        def give(connection: Connection) -> None:
            changed(connection, "rate_limiting/take_turn", now=self.clock(), **account)
            budget = record(connection, "rate_limiting/find_budget", bulk_change_id=0, now=self.clock(), **account)
            assert budget is not None, "the budget was opened"
            whose = {"bulk_change_id": self.bulk_change_id, "now": self.clock()}
            back = changed(connection, "rate_limiting/return_slots", slots=given, **whose, **account)
            back = min(back, budget["calls_today"])
            run(connection, "rate_limiting/count_calls", calls=-back, next_paced=budget["next_paced"], **account)

        if slots:
            in_transaction(self.engine, give)

    def pause(self, seconds: float, reason: str, *, probe_first: bool = False) -> None:
        """Let nobody call the account for so long: the vendor turned a call away. `probe_first`: then one caller alone."""

        def wait(connection: Connection) -> None:
            changed(connection, "rate_limiting/take_turn", now=self.clock(), connection_id=self.connection_id)
            now = self.clock()
            budget = record(
                connection, "rate_limiting/find_budget", bulk_change_id=0, now=now, connection_id=self.connection_id
            )
            assert budget is not None, "the budget was opened"
            until = now + timedelta(seconds=seconds)
            self._pause(connection, until, reason, budget, now)
            if probe_first:
                binds = {"connection_id": self.connection_id, "most_failures": MOST_FAILURES, "until": until}
                run(connection, "rate_limiting/probe_first", **binds)

        in_transaction(self.engine, wait)

    def _pause(self, connection: Connection, until: datetime, reason: str, budget: Record, now: datetime) -> None:
        longer = round((until - max(now, budget["paused_until"])).total_seconds())
        binds = {"until": until, "seconds": max(0, longer), "reason": storable(reason, 200)}
        run(connection, "rate_limiting/pause", connection_id=self.connection_id, **binds)

    def count_failure(self) -> None:
        """Count a call without an answer, or with one that says that Rev.io is ill."""
        until = self.clock() + timedelta(seconds=OPEN_SECONDS)
        binds = {"connection_id": self.connection_id, "most_failures": MOST_FAILURES, "open_until": until}
        in_transaction(self.engine, lambda connection: run(connection, "rate_limiting/count_failure", **binds))

    def count_success(self) -> None:
        """Record that Rev.io answers again."""
        binds = {"connection_id": self.connection_id, "most_failures": MOST_FAILURES, "now": self.clock()}
        in_transaction(self.engine, lambda connection: run(connection, "rate_limiting/close_breaker", **binds))

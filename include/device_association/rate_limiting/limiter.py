"""One budget of calls for each Rev.io account, shared by all workers and runs through the portal's database.

The vendor lets so many calls into any sliding minute. Each of them is a row, a slot, that is free again a minute after its
call: more calls than slots can never be out, whatever the clocks of the workers say, and what a killed worker took comes
back by itself. A worker takes several slots at once, each with the moment of its call, so that a call costs no round trip.
Who gets how many of them, and when, is decided in `policy`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from device_association.database.execution import changed, in_transaction, only_row, rows, run
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioError, RevioOutcomeUnknown, RevioRetryable
from device_association.domain.storable_text import storable
from device_association.rate_limiting.policy import (
    FREE_PART,
    LONGEST_PAUSE,
    MAX_FAILURES,
    MINUTE,
    OPEN_SECONDS,
    PAUSE_SECONDS,
    SLACK,
    Budget,
    FreeSlot,
    Grant,
    Limits,
    Pace,
    Permit,
    decide,
    next_day,
)


@dataclass(slots=True)
class RateLimiter:
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
        return self._failures >= MAX_FAILURES

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

    def take(self, wanted: int, pace: Pace) -> Grant:
        """Return the calls that may be made, at most so many, or how long to wait and why."""
        return in_transaction(self.engine, lambda connection: self._take(connection, wanted, pace))

    def _take(self, connection: Connection, wanted: int, pace: Pace) -> Grant:
        account = {"connection_id": self.connection_id}
        changed(connection, "rate_limiting/take_turn", now=self.clock(), **account)
        now = self.clock()
        budget = self._find(connection, self.bulk_change_id, now)
        asked = wanted + (self.limits.calls_per_minute // FREE_PART if pace is Pace.LAST else 0)
        free = rows(connection, FreeSlot, "rate_limiting/list_slots", wanted=asked, **account)
        self._failures = budget.failures_in_row
        grant = decide(budget, free, self.limits, wanted=wanted, pace=pace, now=now)
        if grant.probe:
            until = now + timedelta(seconds=OPEN_SECONDS)
            run(
                connection,
                "rate_limiting/begin_probe",
                most_failures=MAX_FAILURES,
                open_until=until,
                now=now,
                **account,
            )
        if budget.calls_today >= self.limits.calls_per_day:
            self._pause(connection, next_day(now), self.limits.used_up, budget, now)
        if grant.permits:
            self._keep(connection, grant.permits, pace, budget)
        return grant

    def _find(self, connection: Connection, bulk_change_id: int, now: datetime) -> Budget:
        return only_row(
            connection,
            Budget,
            "rate_limiting/find_budget",
            connection_id=self.connection_id,
            bulk_change_id=bulk_change_id,
            now=now,
        )

    def _keep(self, connection: Connection, permits: Sequence[Permit], pace: Pace, budget: Budget) -> None:
        account = {"connection_id": self.connection_id}
        given = _slots(permits, busy_for=MINUTE + SLACK)
        run(connection, "rate_limiting/use_slots", slots=given, bulk_change_id=self.bulk_change_id, **account)
        after = permits[-1].used_from + self.limits.pace if pace is Pace.EVEN else budget.next_paced
        run(connection, "rate_limiting/count_calls", calls=len(permits), next_paced=after, **account)

    def wait_for_call(self) -> None:
        """Return when one call may be made; raise RevioRetryable when that takes too long. For look-ups and products.

        Where the breaker is open for a probe the call is that probe.
        """
        give_up = time.monotonic() + self.patience
        while True:
            grant = self.take(1, self.pace)
            if grant.probe:
                return
            wait = (grant.permits[0].used_from - self.clock()).total_seconds() if grant.permits else grant.wait
            if time.monotonic() + wait > give_up:
                self.release(grant.permits)
                raise RevioRetryable(
                    f"no call to Rev.io for {wait:.0f} s: {grant.reason or 'others go first'}", retry_after=wait
                )
            time.sleep(max(0.0, wait))
            if grant.permits:
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
        """Pause the account for as long as Rev.io asks for, within reason; after a pause of that length one probe is made.

        A spent quota is back at the latest when the next day begins; nothing else takes longer than LONGEST_PAUSE.
        """
        asked, is_quota = problem.retry_after, problem.is_quota or problem.status == 403
        if is_quota:
            left = (next_day(self.clock()) - self.clock()).total_seconds()
            wait, reason = (
                min(left if asked is None else asked, left),
                "Rev.io says that the account's calls are used up",
            )
        else:
            wait, reason = min(PAUSE_SECONDS if asked is None else asked, LONGEST_PAUSE), "Rev.io turned a call away"
        is_long = is_quota or (asked or 0) > LONGEST_PAUSE
        self.pause(wait + SLACK.total_seconds(), reason, probe_first=is_long)

    def release(self, permits: Sequence[Permit]) -> None:
        """Release the slots of the calls that were not made."""
        given = _slots(permits, busy_for=timedelta())
        account = {"connection_id": self.connection_id}

        def give(connection: Connection) -> None:
            changed(connection, "rate_limiting/take_turn", now=self.clock(), **account)
            budget = self._find(connection, 0, self.clock())
            whose = {"bulk_change_id": self.bulk_change_id, "now": self.clock()}
            back = changed(connection, "rate_limiting/return_slots", slots=given, **whose, **account)
            back = min(back, budget.calls_today)
            run(connection, "rate_limiting/count_calls", calls=-back, next_paced=budget.next_paced, **account)

        if permits:
            in_transaction(self.engine, give)

    def pause(self, seconds: float, reason: str, *, probe_first: bool = False) -> None:
        """Let nobody call the account for so long: the vendor turned a call away. `probe_first`: then one caller alone."""

        def wait(connection: Connection) -> None:
            changed(connection, "rate_limiting/take_turn", now=self.clock(), connection_id=self.connection_id)
            now = self.clock()
            until = now + timedelta(seconds=seconds)
            self._pause(connection, until, reason, self._find(connection, 0, now), now)
            if probe_first:
                binds = {"connection_id": self.connection_id, "most_failures": MAX_FAILURES, "until": until}
                run(connection, "rate_limiting/probe_first", **binds)

        in_transaction(self.engine, wait)

    def _pause(self, connection: Connection, until: datetime, reason: str, budget: Budget, now: datetime) -> None:
        longer = round((until - max(now, budget.paused_until)).total_seconds())
        binds = {"until": until, "seconds": max(0, longer), "reason": storable(reason, 200)}
        run(connection, "rate_limiting/pause", connection_id=self.connection_id, **binds)

    def count_failure(self) -> None:
        """Count a call without an answer, or with one that says that Rev.io is ill."""
        until = self.clock() + timedelta(seconds=OPEN_SECONDS)
        binds = {"connection_id": self.connection_id, "most_failures": MAX_FAILURES, "open_until": until}
        in_transaction(self.engine, lambda connection: run(connection, "rate_limiting/count_failure", **binds))

    def count_success(self) -> None:
        """Record that Rev.io answers again."""
        binds = {"connection_id": self.connection_id, "most_failures": MAX_FAILURES, "now": self.clock()}
        in_transaction(self.engine, lambda connection: run(connection, "rate_limiting/close_breaker", **binds))


def _slots(permits: Sequence[Permit], *, busy_for: timedelta) -> str:
    """Return the slots of calls as the statements read them: each free again so long after its call."""
    return as_json(
        [{"number": one.number, "used_from": one.used_from, "free_from": one.used_from + busy_for} for one in permits]
    )

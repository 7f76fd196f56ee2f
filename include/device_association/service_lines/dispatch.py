"""When calls that create or disconnect lines are begun: many at the same time, the database asked in batches.

One thread deals with the database, the workers only call Rev.io (see `calls`). So a few statements begin as many calls as
the account has room for, and record all that have come back meanwhile; killed anywhere, what was begun and not recorded is
looked up. No call is waited for longer than REV_CALL_TIMEOUT_SECONDS: then it is in doubt, and what it still brings is
recorded late.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import timedelta

from device_association.bulk_changes.stops import is_stopped
from device_association.domain.errors import RevioRejected, RevioRetryable, RevioUnauthorized, StepUnfinished
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Pace, Permit
from device_association.service_lines.calls import Admission, LineCalls, wait_of
from device_association.service_lines.context import Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal.calls import blocking_reason
from device_association.service_lines.journal.entries import stop_change

SOON = timedelta(seconds=1)
"""A call is begun no earlier than this before its moment, so that a pause or a stop finds few that were begun."""
TRY_AGAIN = 0.5
"""Seconds until a call is tried again that could not be begun though nothing is in its way any more."""
AHEAD = 4
"""For each call in flight three more are begun, so that no worker waits for the database while many are begun or recorded
in one statement."""
GATHER_SECONDS = 0.04
"""How long the first call that has come back waits for others, to be recorded with them."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class CallDispatcher:
    """Begins the calls for devices of one account, each for a line; `call_all` returns what became of each."""

    calls: LineCalls
    workers: Executor
    pace: Pace
    waiting: deque[SliceDevice] = field(default_factory=deque)
    in_flight: dict[Future[int | Outcome], SliceDevice] = field(default_factory=dict)
    permits: deque[Permit] = field(default_factory=deque)
    ended: list[tuple[SliceDevice, Outcome]] = field(default_factory=list)
    not_before: float = 0.0
    """When the next call may be begun, on the monotonic clock."""
    give_up: float = 0.0
    """When the devices that wait are given up, on the same clock, unless one ends before."""

    @property
    def context(self) -> SliceContext:
        """Where the slice is worked on."""
        return self.calls.context

    @property
    def budget(self) -> RateLimiter | None:
        """The account's budget; None: no limit is kept."""
        return self.calls.budget

    def call_all(self, devices: Iterable[SliceDevice]) -> list[tuple[SliceDevice, Outcome]]:
        """Call for each planned SIM once; what could not be called for long enough comes back as UNREACHABLE."""
        self.waiting.extend(devices)
        self._renew_patience()
        try:
            while self.waiting or self.in_flight:
                ended_before = len(self.ended)
                self._begin_some()
                pause = self.pause()
                if pause and not self.in_flight and time.monotonic() + pause > self.give_up:
                    self._end_waiting(Outcome.UNREACHABLE)
                    continue
                self._record_some()
                if len(self.ended) > ended_before:
                    self._renew_patience()
        finally:
            while self.in_flight:
                self._record_some()
            self._release()
        return self.ended

    def _renew_patience(self) -> None:
        self.give_up = time.monotonic() + self.context.settings.rev_retry_window_seconds

    def _begin_some(self) -> None:
        """Begin as many calls as there is room for, here and at the account; none once the credentials are refused."""
        if self.calls.gate.admission is Admission.REFUSED:
            self._end_waiting(Outcome.STOPPED)
            return
        room = self._room()
        if not room or self.pause() > 0:
            return
        if self.budget is None:
            if self._look_again():
                self._begin([(self.waiting.popleft(), None) for _ in range(min(room, len(self.waiting)))])
            return
        if self.budget.is_broken:
            self._release()
        if not self.permits:
            self._take(self.budget, room)
        if self.permits and self.permits[0].used_from - self.context.clock() <= SOON and self._look_again():
            count = min(room, len(self.permits), len(self.waiting))
            self._begin([(self.waiting.popleft(), self.permits.popleft()) for _ in range(count)])

    def _look_again(self) -> bool:
        """Renew the looks at the devices that wait; end those that have to be looked at alone. False: none is left."""
        try:
            self.calls.operation.renew(self.waiting)
        except (RevioRetryable, StepUnfinished) as problem:
            self.not_before = time.monotonic() + (problem.retry_after or 1.0)
            log.warning("%s", problem)
            return False
        except RevioRejected as refused:
            log.warning("%s", refused)
            self._end_waiting(Outcome.UNREACHABLE)
            return False
        except RevioUnauthorized as refused:
            stop_change(self.context, self.waiting[0], refused)
            self._end_waiting(Outcome.STOPPED)
            return False
        fresh: deque[SliceDevice] = deque()
        for device in self.waiting:
            if self.calls.operation.is_stale(device):
                self.ended.append((device, Outcome.STALE))
            else:
                fresh.append(device)
        self.waiting = fresh
        return bool(fresh)

    def _room(self) -> int:
        """Return how many calls to begin now, many together: none until half of those that were begun have come back."""
        most = AHEAD * self.context.settings.rev_concurrency
        room = most - len(self.in_flight)
        return min(room, len(self.waiting)) if room >= most // 2 else 0

    def _end_waiting(self, outcome: Outcome) -> None:
        self.ended += [(device, outcome) for device in self.waiting]
        self.waiting.clear()

    def _release(self) -> None:
        if self.budget and self.permits:
            self.budget.release(self.permits)
            self.permits.clear()

    def _take(self, budget: RateLimiter, wanted: int) -> None:
        grant = budget.take(wanted, self.pace)
        self.permits.extend(grant.permits)
        if grant.wait:
            log.info("no call for %.1f s: %s", grant.wait, grant.reason)
            self.not_before = time.monotonic() + grant.wait
            if is_stopped(self.context.engine, self.context.claim):
                self._end_waiting(Outcome.STOPPED)
        if grant.probe:
            self._probe()

    def _probe(self) -> None:
        """Ask whether Rev.io answers again, by a call that changes nothing; the client tells the budget."""
        try:
            self.calls.client.check_credentials()
        except RevioRetryable as problem:
            self._wait_after(problem)
        except RevioRejected as odd:
            log.warning("Rev.io answers again: %s", odd)
        except RevioUnauthorized as refused:
            stop_change(self.context, self.waiting[0], refused)

    def _wait_after(self, problem: RevioRetryable) -> None:
        log.warning("%s", problem)
        self.not_before = max(self.not_before, time.monotonic() + wait_of(problem))

    def _begin(self, calls: Sequence[tuple[SliceDevice, Permit | None]]) -> None:
        """Begin these calls in one statement; for each that may not be made, find out why."""
        limits = self.context.settings
        send_by = self.context.clock() + timedelta(seconds=limits.rev_lease_seconds - limits.rev_call_timeout_seconds)
        begun = self.calls.operation.begin(self.context, [device for device, _ in calls])
        spared = []
        for device, permit in calls:
            if device.intent_id in begun:
                self.in_flight[self.workers.submit(self.calls.make, device, permit, send_by)] = device
                continue
            if permit:
                spared.append(permit)
            outcome = blocking_reason(self.context, device)
            if outcome is None:
                self.not_before = time.monotonic() + TRY_AGAIN
                self.waiting.append(device)
                continue
            self.ended.append((device, outcome))
            if outcome is Outcome.STOPPED:
                self._end_waiting(outcome)
        if self.budget and spared:
            self.budget.release(spared)

    def pause(self) -> float:
        """Seconds until the next call may be begun; what was stopped is told so at once."""
        if self.calls.gate.admission is Admission.REFUSED:
            return 0.0
        if self.permits:
            return max(0.0, (self.permits[0].used_from - SOON - self.context.clock()).total_seconds())
        return max(0.0, self.not_before - time.monotonic())

    def _record_some(self) -> None:
        """Wait until a call has come back or the next may be begun; record all that have come back."""
        pause = self.pause() if self._room() else None
        if not self.in_flight:
            time.sleep(min(pause or 0.0, max(0.0, self.give_up - time.monotonic())))
            return
        if wait(self.in_flight, timeout=pause, return_when=FIRST_COMPLETED).done:
            wait(self.in_flight, timeout=GATHER_SECONDS)
        back = [call for call in self.in_flight if call.done()]
        recorded = self.calls.record((self.in_flight.pop(call), call) for call in back)
        self.ended += recorded.outcomes
        for device, problem in recorded.turned_away:
            self._wait_after(problem)
            self.waiting.append(device)

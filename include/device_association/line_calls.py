"""The calls that create or end lines: many at the same time, each begun and recorded once, the database asked in batches.

One thread deals with the database, the workers only speak to Rev.io. So a few statements begin as many calls as the account
has room for, and record all that have come back meanwhile; killed anywhere, what was begun and not recorded is looked up.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from device_association.call_budget import OPEN_SECONDS, CallBudget, Pace, Slot
from device_association.call_records import begin_calls, record_created, record_refusal, release, why_not
from device_association.claims import stop_if_failing
from device_association.database import Record, in_transaction
from device_association.errors import RevioRetryable, RevioUnauthorized
from device_association.line_outcomes import Desk, Outcome, line_body, stop_change
from device_association.revio import RevioClient

SOON = timedelta(seconds=1)
"""A call is begun no earlier than this before its moment, so that a pause or a stop finds few that were begun."""
TRY_AGAIN = 0.5
"""Seconds until a call is tried again that could not be begun though nothing is in its way any more."""
AHEAD = 2
"""For each call in flight another one is begun, so that no worker waits for the database."""
GATHER_SECONDS = 0.01
"""How long the first call that has come back waits for others, to be recorded with them."""
COUNT_EVERY = 10
"""How many refusals of a slice apart its change's refusals are counted: that reads all rows of the change."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What the calls do: how they begin in the database, the call itself, and how those that went well are recorded."""

    begin: Callable[[Desk, Sequence[Record]], set[int]]
    send: Callable[[RevioClient, Record], int]
    record: Callable[[Desk, Sequence[tuple[Record, int]]], list[tuple[Record, Outcome]]]


def _create(client: RevioClient, device: Record) -> int:
    return client.create_line(line_body(device))


CREATING = Work(begin_calls, _create, record_created)


@dataclass(slots=True)
class Caller:
    """Makes the calls for devices of one account, each for a line; `call_all` returns what became of each."""

    desk: Desk
    client: RevioClient
    budget: CallBudget | None
    workers: Executor
    pace: Pace
    work: Work = CREATING
    waiting: deque[Record] = field(default_factory=deque)
    out: dict[Future[int], Record] = field(default_factory=dict)
    slots: deque[Slot] = field(default_factory=deque)
    ended: list[tuple[Record, Outcome]] = field(default_factory=list)
    not_before: float = 0.0
    give_up: float = 0.0
    known: int = -1
    held_until: float = 0.0
    refused: int = 0

    def call_all(self, devices: Iterable[Record]) -> list[tuple[Record, Outcome]]:
        """Call for each planned SIM once; what could not be called for long enough comes back as UNREACHABLE."""
        self.waiting.extend(devices)
        try:
            while self.waiting or self.out:
                if self.known != len(self.ended):
                    self.known, self.give_up = len(self.ended), time.monotonic() + self.desk.settings.rev_retry_seconds
                self._begin_some()
                self._record_some()
                pause = self.pause()
                if pause and not self.out and time.monotonic() + pause > self.give_up:
                    self._end_waiting(Outcome.UNREACHABLE)
        finally:
            while self.out:
                self._record_some()
            self._give_back()
        return self.ended

    def _begin_some(self) -> None:
        """Begin as many calls as there is room for, here and at the account; none once the credentials are refused."""
        if self.held_until == math.inf:
            self._end_waiting(Outcome.STOPPED)
            return
        room = self._room()
        if not room or self.pause() > 0:
            return
        if self.budget is None:
            self._begin([(self.waiting.popleft(), None) for _ in range(room)])
            return
        if self.budget.is_broken:
            self._give_back()
        if not self.slots:
            self._take(self.budget, room)
        if self.slots and self.slots[0].used_from - self.desk.clock() <= SOON:
            count = min(room, len(self.slots))
            self._begin([(self.waiting.popleft(), self.slots.popleft()) for _ in range(count)])

    def _room(self) -> int:
        """Return how many calls to begin now, many together: none until half of those in flight have come back."""
        in_flight = self.desk.settings.rev_concurrency
        room = AHEAD * in_flight - len(self.out)
        return min(room, len(self.waiting)) if room >= max(1, in_flight // 2) else 0

    def _end_waiting(self, outcome: Outcome) -> None:
        self.ended += [(device, outcome) for device in self.waiting]
        self.waiting.clear()

    def _give_back(self) -> None:
        if self.budget and self.slots:
            self.budget.give_back(self.slots)
            self.slots.clear()

    def _take(self, budget: CallBudget, wanted: int) -> None:
        turn = budget.take(wanted, self.pace)
        self.slots.extend(turn.slots)
        if turn.wait:
            log.info("no call for %.1f s: %s", turn.wait, turn.reason)
            self.not_before = time.monotonic() + turn.wait
        if turn.probe:
            self._probe()

    def _probe(self) -> None:
        """Ask whether Rev.io answers again, by a call that changes nothing; the client tells the budget."""
        try:
            self.client.check_credentials()
        except RevioRetryable as problem:
            self._wait_after(problem)
        except RevioUnauthorized as refused:
            stop_change(self.desk, self.waiting[0], refused)

    def _wait_after(self, problem: RevioRetryable) -> None:
        log.warning("%s", problem)
        self.not_before = max(self.not_before, time.monotonic() + wait_of(problem))

    def _begin(self, calls: Sequence[tuple[Record, Slot | None]]) -> None:
        """Begin these calls in one statement; for each that may not be made, find out why."""
        limits = self.desk.settings
        send_by = self.desk.clock() + timedelta(seconds=limits.rev_lease_seconds - limits.rev_call_seconds)
        begun = self.work.begin(self.desk, [device for device, _ in calls])
        spared = []
        for device, slot in calls:
            if device["intent_id"] in begun:
                self.out[self.workers.submit(self._post, device, slot, send_by)] = device
                continue
            if slot:
                spared.append(slot)
            outcome = why_not(self.desk, device)
            if outcome is None:
                self.not_before = time.monotonic() + TRY_AGAIN
                self.waiting.append(device)
                continue
            self.ended.append((device, outcome))
            if outcome is Outcome.STOPPED:
                self._end_waiting(outcome)
        if self.budget and spared:
            self.budget.give_back(spared)

    def _post(self, device: Record, slot: Slot | None, send_by: datetime) -> int:
        """Call at the slot's moment, unless another call was turned away or refused since this one was begun.

        Nor is it made when the lease could end before the call does: another worker may be at it by then.
        """
        if slot is not None:
            time.sleep(max(0.0, (slot.used_from - self.desk.clock()).total_seconds()))
        held = self.held_until - time.monotonic()
        if held > 0:
            raise RevioRetryable("held back, not sent: Rev.io turned another call away", retry_after=held)
        if self.budget and self.budget.is_broken:
            raise RevioRetryable("held back, not sent: Rev.io does not answer", retry_after=OPEN_SECONDS)
        if self.desk.clock() > send_by:
            raise RevioRetryable(f"{device['iccid']}: no call was made, its time was up before it could be sent")
        try:
            return self.work.send(self.client, device)
        except RevioRetryable as turned_away:
            self.held_until = time.monotonic() + wait_of(turned_away)
            raise
        except RevioUnauthorized:
            self.held_until = math.inf
            raise

    def pause(self) -> float:
        """Seconds until the next call may be begun; what was stopped is told so at once."""
        if self.held_until == math.inf:
            return 0.0
        if self.slots:
            return max(0.0, (self.slots[0].used_from - SOON - self.desk.clock()).total_seconds())
        return max(0.0, self.not_before - time.monotonic())

    def _record_some(self) -> None:
        """Wait until a call has come back or the next may be begun; record all that have come back."""
        pause = self.pause() if self._room() else None
        if not self.out:
            time.sleep(min(pause or 0.0, max(0.0, self.give_up - time.monotonic())))
            return
        if wait(self.out, timeout=pause, return_when=FIRST_COMPLETED).done:
            wait(self.out, timeout=GATHER_SECONDS)
        self._record([call for call in self.out if call.done()])

    def _record(self, back: Iterable[Future[int]]) -> None:
        done = []
        for call in back:
            device = self.out.pop(call)
            problem = call.exception()
            if problem is None:
                done.append((device, call.result()))
            elif isinstance(problem, Exception):
                self._record_problem(device, problem)
            else:
                raise problem
        if done:
            self.ended += self.work.record(self.desk, done)

    def _record_problem(self, device: Record, problem: Exception) -> None:
        if isinstance(problem, RevioRetryable):
            release(self.desk, device)
            self._wait_after(problem)
            self.waiting.append(device)
            return
        self.ended.append((device, record_refusal(self.desk, device, problem)))
        if self.ended[-1][1] is Outcome.REJECTED:
            self.refused += 1
            self._stop_if_failing()

    def _stop_if_failing(self) -> None:
        """Stop the change once Rev.io refuses too many of its devices."""
        if self.refused % COUNT_EVERY:
            return
        rule = {"percent": self.desk.settings.abort_percent, "sample": self.desk.settings.abort_sample}
        now = self.desk.clock()
        in_transaction(
            self.desk.engine, lambda connection: stop_if_failing(connection, self.desk.claim, now=now, **rule)
        )


def wait_of(turned_away: RevioRetryable) -> float:
    """Return the seconds until a call that was turned away may be repeated."""
    return 1.0 if turned_away.retry_after is None else turned_away.retry_after

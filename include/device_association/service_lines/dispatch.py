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
from threading import Lock

from device_association.bulk_changes.claims import is_stopped
from device_association.domain.errors import (
    AssociationError,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.rate_limiting.limiter import LONGEST_PAUSE, OPEN_SECONDS, CallBudget, Pace, Slot
from device_association.revio.client import RevioClient
from device_association.service_lines.context import LineChanged, Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, line_body
from device_association.service_lines.journal.calls import (
    begin_creations,
    blocking_reason,
    record_created,
    record_refusal,
    release,
)
from device_association.service_lines.journal.entries import stop_change
from device_association.service_lines.lookups.sims import SliceLooks

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


class TimeIsUp(RevioRetryable):
    """A call that was begun was not made, its lease could end before it does."""


class ChangeStopped(AssociationError):
    """A call that was begun was not made, its change was stopped."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the calls do: how they begin in the database, the call itself, and how those that went well are recorded."""

    begin: Callable[[SliceContext, Sequence[SliceDevice]], set[int]]
    send: Callable[[RevioClient, SliceDevice], int]
    record: Callable[[SliceContext, Sequence[tuple[SliceDevice, int]]], list[tuple[SliceDevice, Outcome]]]
    renew: Callable[[Sequence[SliceDevice]], None] = lambda _: None
    """Looks at these devices again where the last look gets too old for their calls."""
    is_stale: Callable[[SliceDevice], bool] = lambda _: False
    """Whether a device has to be looked at again before its call may begin."""
    is_over: Callable[[SliceDevice, datetime], bool] = lambda *_: False
    """Whether it has to be looked at again though its call was begun, as things stand at a moment."""
    look: Callable[[RevioClient, SliceDevice], None] = lambda *_: None
    """Looks once more, right before the call, at what it is about; raises LineChanged where it is not as it was."""


def _create(client: RevioClient, device: SliceDevice) -> int:
    return client.create_line(line_body(device))


def creating(looks: SliceLooks) -> Work:
    """Return the work of creating lines for SIMs that `looks` has found without one."""
    return Work(
        begin_creations,
        _create,
        record_created,
        looks.renew,
        lambda device: looks.was_found(device) or not looks.is_fresh(device),
        lambda device, now: looks.was_found(device) or not looks.is_fresh(device, begins_within=timedelta(), now=now),
    )


@dataclass(slots=True)
class Caller:
    """Makes the calls for devices of one account, each for a line; `call_all` returns what became of each."""

    desk: SliceContext
    client: RevioClient
    budget: CallBudget | None
    workers: Executor
    pace: Pace
    work: Work
    waiting: deque[SliceDevice] = field(default_factory=deque)
    out: dict[Future[int | Outcome], SliceDevice] = field(default_factory=dict)
    slots: deque[Slot] = field(default_factory=deque)
    ended: list[tuple[SliceDevice, Outcome]] = field(default_factory=list)
    not_before: float = 0.0
    give_up: float = 0.0
    known: int = -1
    held_until: float = 0.0
    refused: list[SliceDevice] = field(default_factory=list)
    """Whose call was refused."""
    refusing: Lock = field(default_factory=Lock)
    """Held while a refusal is recorded."""

    def call_all(self, devices: Iterable[SliceDevice]) -> list[tuple[SliceDevice, Outcome]]:
        """Call for each planned SIM once; what could not be called for long enough comes back as UNREACHABLE."""
        self.waiting.extend(devices)
        try:
            while self.waiting or self.out:
                if self.known != len(self.ended):
                    self.known, self.give_up = len(self.ended), time.monotonic() + self.desk.settings.rev_retry_seconds
                self._begin_some()
                pause = self.pause()
                if pause and not self.out and time.monotonic() + pause > self.give_up:
                    self._end_waiting(Outcome.UNREACHABLE)
                    continue
                self._record_some()
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
            if self._look_again():
                self._begin([(self.waiting.popleft(), None) for _ in range(min(room, len(self.waiting)))])
            return
        if self.budget.is_broken:
            self._give_back()
        if not self.slots:
            self._take(self.budget, room)
        if self.slots and self.slots[0].used_from - self.desk.clock() <= SOON and self._look_again():
            count = min(room, len(self.slots), len(self.waiting))
            self._begin([(self.waiting.popleft(), self.slots.popleft()) for _ in range(count)])

    def _look_again(self) -> bool:
        """Renew the looks at the devices that wait; end those that have to be looked at alone. False: none is left."""
        try:
            self.work.renew(self.waiting)
        except (RevioRetryable, StepUnfinished) as problem:
            self.not_before = time.monotonic() + (problem.retry_after or 1.0)
            log.warning("%s", problem)
            return False
        except RevioRejected as refused:
            log.warning("%s", refused)
            self._end_waiting(Outcome.UNREACHABLE)
            return False
        except RevioUnauthorized as refused:
            stop_change(self.desk, self.waiting[0], refused)
            self._end_waiting(Outcome.STOPPED)
            return False
        fresh: deque[SliceDevice] = deque()
        for device in self.waiting:
            if self.work.is_stale(device):
                self.ended.append((device, Outcome.STALE))
            else:
                fresh.append(device)
        self.waiting = fresh
        return bool(fresh)

    def _room(self) -> int:
        """Return how many calls to begin now, many together: none until half of those that were begun have come back."""
        most = AHEAD * self.desk.settings.rev_concurrency
        room = most - len(self.out)
        return min(room, len(self.waiting)) if room >= most // 2 else 0

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
            if is_stopped(self.desk.engine, self.desk.claim):
                self._end_waiting(Outcome.STOPPED)
        if turn.probe:
            self._probe()

    def _probe(self) -> None:
        """Ask whether Rev.io answers again, by a call that changes nothing; the client tells the budget."""
        try:
            self.client.check_credentials()
        except RevioRetryable as problem:
            self._wait_after(problem)
        except RevioRejected as odd:
            log.warning("Rev.io answers again: %s", odd)
        except RevioUnauthorized as refused:
            stop_change(self.desk, self.waiting[0], refused)

    def _wait_after(self, problem: RevioRetryable) -> None:
        log.warning("%s", problem)
        self.not_before = max(self.not_before, time.monotonic() + wait_of(problem))

    def _begin(self, calls: Sequence[tuple[SliceDevice, Slot | None]]) -> None:
        """Begin these calls in one statement; for each that may not be made, find out why."""
        limits = self.desk.settings
        send_by = self.desk.clock() + timedelta(seconds=limits.rev_lease_seconds - limits.rev_call_seconds)
        begun = self.work.begin(self.desk, [device for device, _ in calls])
        spared = []
        for device, slot in calls:
            if device.intent_id in begun:
                self.out[self.workers.submit(self._post, device, slot, send_by)] = device
                continue
            if slot:
                spared.append(slot)
            outcome = blocking_reason(self.desk, device)
            if outcome is None:
                self.not_before = time.monotonic() + TRY_AGAIN
                self.waiting.append(device)
                continue
            self.ended.append((device, outcome))
            if outcome is Outcome.STOPPED:
                self._end_waiting(outcome)
        if self.budget and spared:
            self.budget.give_back(spared)

    def _post(self, device: SliceDevice, slot: Slot | None, send_by: datetime) -> int | Outcome:
        """Call at the slot's moment and return the line; what became of the device where Rev.io refuses it.

        No call is made when another one was turned away or refused since this one was begun, when the change was stopped, or
        when the lease could end before the call does: another worker may be at it by then. The database says so in the last
        statement before the call, by its own clock: that of a machine that stood still stood still with it.
        """
        if slot is not None:
            time.sleep(max(0.0, (slot.used_from - self.desk.clock()).total_seconds()))
        held = self.held_until - time.monotonic()
        if held > 0:
            raise RevioRetryable("held back, not sent: Rev.io turned another call away", retry_after=held)
        if self.budget and self.budget.is_broken:
            raise RevioRetryable("held back, not sent: Rev.io does not answer", retry_after=OPEN_SECONDS)
        over = f"{device.iccid}: its last look got too old, or a line was found, while it waited"
        if self.work.is_over(device, self.desk.clock()):
            raise LineChanged(over)
        try:
            self.work.look(self.client, device)
            is_stopped, now = self._look_before_call(device)
            if is_stopped:
                raise ChangeStopped(f"{device.iccid}: no call was made, the change was stopped")
            if now > send_by:
                raise TimeIsUp(f"{device.iccid}: no call was made, its time was up before it could be sent")
            if self.work.is_over(device, now):
                raise LineChanged(over)
            return self.work.send(self.client, device)
        except TimeIsUp:
            raise
        except RevioRejected as refused:
            self.refused.append(device)
            with self.refusing:
                return record_refusal(self.desk, device, refused)
        except RevioRetryable as turned_away:
            self.held_until = time.monotonic() + wait_of(turned_away)
            raise
        except RevioUnauthorized:
            self.held_until = math.inf
            raise

    def _look_before_call(self, device: SliceDevice) -> tuple[bool, datetime]:
        """Return what `SliceContext.look_before_call` does, when every refusal that has come back counts in it."""
        while True:
            with self.refusing:
                known = len(self.refused)
            found = self.desk.look_before_call(device)
            if known == len(self.refused):
                return found

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

    def _record(self, back: Iterable[Future[int | Outcome]]) -> None:
        done: list[tuple[SliceDevice, int]] = []
        for call in back:
            device = self.out.pop(call)
            problem = call.exception()
            if problem is None:
                result = call.result()
                if isinstance(result, Outcome):
                    self.ended.append((device, result))
                else:
                    done.append((device, result))
            elif isinstance(problem, Exception):
                self._record_problem(device, problem)
            else:
                raise problem
        if done:
            self.ended += self.work.record(self.desk, done)

    def _record_problem(self, device: SliceDevice, problem: Exception) -> None:
        if isinstance(problem, LineChanged | ChangeStopped):
            release(self.desk, device)
            is_stale = isinstance(problem, LineChanged)
            self.ended.append((device, Outcome.STALE if is_stale else Outcome.STOPPED))
            return
        if isinstance(problem, RevioRetryable):
            release(self.desk, device)
            self._wait_after(problem)
            self.waiting.append(device)
            return
        self.ended.append((device, record_refusal(self.desk, device, problem)))


def wait_of(turned_away: RevioRetryable) -> float:
    """Return the seconds until a call that was turned away may be repeated."""
    return 1.0 if turned_away.retry_after is None else min(turned_away.retry_after, LONGEST_PAUSE)

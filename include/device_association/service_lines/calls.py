"""Calls that create or disconnect lines: whether one may still be made, the call, and what is recorded of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from threading import Lock

from device_association.domain.errors import (
    AssociationError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import LONGEST_PAUSE, OPEN_SECONDS, Permit
from device_association.revio.client import RevioClient
from device_association.service_lines.context import LineChanged, Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, line_body
from device_association.service_lines.journal.calls import begin_creations, record_created, record_refusal, release
from device_association.service_lines.lookups.sims import SliceLooks

log = logging.getLogger(__name__)


class TimeIsUp(RevioRetryable):
    """A call that was begun was not made: its lease could end before the call does."""


class ChangeStopped(AssociationError):
    """A call that was begun was not made: its change was stopped, or Rev.io refuses the credentials."""


@dataclass(frozen=True, slots=True)
class CallOperation:
    """What the calls do: how they begin in the database, the call itself, and how those that succeeded are recorded."""

    begin: Callable[[SliceContext, Sequence[SliceDevice]], set[int]]
    send: Callable[[RevioClient, SliceDevice], int]
    record: Callable[[SliceContext, Sequence[tuple[SliceDevice, int]]], list[tuple[SliceDevice, Outcome]]]
    renew: Callable[[Sequence[SliceDevice]], None] = lambda _: None
    """Look at these devices again where the last look gets too old for their calls."""
    is_stale: Callable[[SliceDevice], bool] = lambda _: False
    """Whether a device has to be looked at again before its call may begin."""
    is_over: Callable[[SliceDevice, datetime], bool] = lambda *_: False
    """Whether it has to be looked at again though its call was begun, as things stand at a moment."""
    look: Callable[[RevioClient, SliceDevice], None] = lambda *_: None
    """Look once more, right before the call, at what it is about; raises LineChanged where it is not as it was."""


def _create(client: RevioClient, device: SliceDevice) -> int:
    return client.create_line(line_body(device))


def creating(looks: SliceLooks) -> CallOperation:
    """Return the operation that creates lines for SIMs which `looks` has found without one."""
    return CallOperation(
        begin_creations,
        _create,
        record_created,
        looks.renew,
        lambda device: looks.was_found(device) or not looks.is_fresh(device),
        lambda device, now: looks.was_found(device) or not looks.is_fresh(device, begins_within=timedelta(), now=now),
    )


class Admission(Enum):
    """Whether calls that were begun may be made, after the answers to other calls of the same account."""

    OPEN = auto()
    PAUSED = auto()
    """Rev.io turned a call away; calls may be made again after a while."""
    REFUSED = auto()
    """Rev.io refused the credentials; no more calls are made."""


@dataclass(slots=True)
class Gate:
    """Knows the admission of an account's calls. Safe to use from several threads."""

    _is_refused: bool = False
    _paused_until: float = 0.0

    @property
    def admission(self) -> Admission:
        """The admission now."""
        if self._is_refused:
            return Admission.REFUSED
        return Admission.PAUSED if self.paused_seconds > 0 else Admission.OPEN

    @property
    def paused_seconds(self) -> float:
        """For how long no calls may be made."""
        return max(0.0, self._paused_until - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Admit no call for so long."""
        self._paused_until = time.monotonic() + seconds

    def refuse(self) -> None:
        """Admit no call any more."""
        self._is_refused = True


@dataclass(slots=True)
class Recorded:
    """What was recorded of calls that came back; those that were turned away are planned again."""

    outcomes: list[tuple[SliceDevice, Outcome]] = field(default_factory=list)
    turned_away: list[tuple[SliceDevice, RevioRetryable]] = field(default_factory=list)


@dataclass(slots=True)
class LineCalls:
    """Makes the calls of one account, in many threads, and records what came of them, in one."""

    context: SliceContext
    client: RevioClient
    budget: RateLimiter | None
    operation: CallOperation
    gate: Gate = field(default_factory=Gate)
    outliving: set[Future[int]] = field(default_factory=set)
    """Calls that took too long and are still out; no call is made while they are as many as `rev_concurrency`."""
    refused: list[SliceDevice] = field(default_factory=list)
    """Devices whose call was refused."""
    refusing: Lock = field(default_factory=Lock)
    """Held while a refusal is recorded."""

    def make(self, device: SliceDevice, permit: Permit | None, send_by: datetime) -> int | Outcome:
        """Call at the permit's moment and return the line; what became of the device where Rev.io refuses it.

        No call is made when another one was turned away or refused since this one was begun, when the change was stopped, or
        when the lease could end before the call does: another worker may be at it by then. The database says so in the last
        statement before the call, by its own clock: that of a machine that stood still stood still with it.
        """
        if permit is not None:
            time.sleep(max(0.0, (permit.used_from - self.context.clock()).total_seconds()))
        self._check_admitted(device)
        self._check_fresh(device, self.context.clock())
        try:
            self.operation.look(self.client, device)
            self._check_before_call(device, send_by)
            return self.operation.send(self.client, device)
        except TimeIsUp:
            raise
        except RevioRejected as refused:
            self.refused.append(device)
            with self.refusing:
                return record_refusal(self.context, device, refused)
        except RevioRetryable as turned_away:
            self.gate.pause(wait_of(turned_away))
            raise
        except RevioUnauthorized:
            self.gate.refuse()
            raise
        except RevioOutcomeUnknown as doubt:
            if doubt.late is not None:
                self.outliving.add(doubt.late)
                doubt.late.add_done_callback(partial(self._record_late, device))
            raise

    def _check_admitted(self, device: SliceDevice) -> None:
        """Raise RevioRetryable or ChangeStopped where no call may be made now."""
        if self.gate.admission is Admission.REFUSED:
            raise ChangeStopped(f"{device.iccid}: no call was made, Rev.io refused the credentials")
        if self.gate.admission is Admission.PAUSED:
            said = "held back, not sent: Rev.io turned another call away"
            raise RevioRetryable(said, retry_after=self.gate.paused_seconds)
        if self.budget and self.budget.is_broken:
            raise RevioRetryable("held back, not sent: Rev.io does not answer", retry_after=OPEN_SECONDS)
        if len(self.outliving) >= self.context.settings.rev_concurrency:
            said = "held back, not sent: calls that took too long have not ended"
            raise RevioRetryable(said, retry_after=OPEN_SECONDS)

    def _check_fresh(self, device: SliceDevice, now: datetime) -> None:
        if self.operation.is_over(device, now):
            raise LineChanged(f"{device.iccid}: its last look got too old, or a line was found, while it waited")

    def _check_before_call(self, device: SliceDevice, send_by: datetime) -> None:
        is_stopped, now = self._look_before_call(device)
        if is_stopped:
            raise ChangeStopped(f"{device.iccid}: no call was made, the change was stopped")
        if now > send_by:
            raise TimeIsUp(f"{device.iccid}: no call was made, its time was up before it could be sent")
        self._check_fresh(device, now)

    def _look_before_call(self, device: SliceDevice) -> tuple[bool, datetime]:
        """Return what `SliceContext.look_before_call` does, when every refusal that has come back counts in it."""
        while True:
            with self.refusing:
                known = len(self.refused)
            found = self.context.look_before_call(device)
            if known == len(self.refused):
                return found

    def record(self, back: Iterable[tuple[SliceDevice, Future[int | Outcome]]]) -> Recorded:
        """SliceDevice calls that came back: those that succeeded in one statement."""
        recorded, done = Recorded(), list[tuple[SliceDevice, int]]()
        for device, call in back:
            problem = call.exception()
            if isinstance(problem, Exception):
                self._record_problem(device, problem, recorded)
                continue
            result = call.result()
            if isinstance(result, Outcome):
                recorded.outcomes.append((device, result))
            else:
                done.append((device, result))
        if done:
            recorded.outcomes += self.operation.record(self.context, done)
        return recorded

    def _record_problem(self, device: SliceDevice, problem: Exception, recorded: Recorded) -> None:
        if isinstance(problem, LineChanged | ChangeStopped):
            release(self.context, device)
            is_stale = isinstance(problem, LineChanged)
            recorded.outcomes.append((device, Outcome.STALE if is_stale else Outcome.STOPPED))
        elif isinstance(problem, RevioRetryable):
            release(self.context, device)
            recorded.turned_away.append((device, problem))
        else:
            recorded.outcomes.append((device, record_refusal(self.context, device, problem)))

    def _record_late(self, device: SliceDevice, late: Future[int]) -> None:
        """SliceDevice the line that a call in doubt brought after all, in the thread of the call.

        One that brought none stays in doubt until it is looked up; so does one whose process ends before.
        """
        self.outliving.discard(late)
        problem = late.exception()
        if problem is not None:
            log.warning("%s: no line by a late answer, it is looked up: %s", device.iccid, problem)
            return
        try:
            self.operation.record(self.context, [(device, late.result())])
        except Exception:
            log.exception("%s: a late answer could not be recorded; its line is looked up", device.iccid)


def wait_of(turned_away: RevioRetryable) -> float:
    """Return the seconds until a call that was turned away may be repeated."""
    return 1.0 if turned_away.retry_after is None else min(turned_away.retry_after, LONGEST_PAUSE)

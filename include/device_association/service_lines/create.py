"""Gives each SIM of a slice exactly one line at Rev.io, or disconnects it for a revert: intent, call, recorded outcome.

The protocol is that of the Rev.io contract, 'Duplicates'. Every transition is one conditional UPDATE whose row count is
checked; a POST is made only by the worker whose UPDATE turned the intent to CALLING, and its outcome, once known, is
always recorded, even when the run has lost its change meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from device_association.bulk_changes.steps import record_step
from device_association.bulk_changes.stops import is_stopped
from device_association.database.execution import rows
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.rate_limiting.policy import Pace
from device_association.service_lines.calls import CallOperation, LineCalls
from device_association.service_lines.context import NextAction, Outcome, SliceContext, list_slice_devices
from device_association.service_lines.devices import SliceDevice, called_terms
from device_association.service_lines.disconnect import Disconnection
from device_association.service_lines.dispatch import CallDispatcher
from device_association.service_lines.find_line import Creation
from device_association.service_lines.journal.calls import expire_lease
from device_association.service_lines.journal.entries import STEP, stop_change
from device_association.service_lines.journal.lines import fail_device
from device_association.service_lines.journal.products import set_ready
from device_association.service_lines.lookups.known import KnownLine
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.products import ProductFailed, ProductLine, create_products

log = logging.getLogger(__name__)


MAX_LOOKS = 5
"""How often a slice looks at SIMs again whose last look was too old when their turn came; then the next try does."""
UNFINISHED = frozenset({Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.FAILED, Outcome.STALE})
SETTLED = frozenset({"CREATED", "ADOPTED"})
"""States of an intent whose line is known."""


class Strategy(Protocol):
    """How the devices of a slice are brought to their end: their lines are created, or disconnected, never both."""

    @property
    def operation(self) -> CallOperation:
        """What the calls for devices do."""

    def renew(self, devices: Sequence[SliceDevice]) -> None:
        """Look once for all these devices at what each of them would be looked up for alone."""

    def find(self, device: SliceDevice) -> Outcome | NextAction:
        """Return what became of a device for which no call is out, or that it needs one."""


@dataclass(slots=True)
class Results:
    """What became of devices, by row, and how long, in seconds, an account is paused that turned one away."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    to_call: set[int] = field(default_factory=set)
    pause: float = 0.0

    def add(self, other: Results) -> None:
        """Take over later results: a device that was called for counts by what became of its call."""
        self.outcomes |= other.outcomes
        self.pause = max(self.pause, other.pause)


def create_rev_services(context: SliceContext, slice_number: int, *, last_try: bool) -> dict[str, int]:
    """Bring every open device of a slice to its line, some at the same time; return the count of each outcome.

    First what earlier tries left: look-ups and adoptions. Then the calls for lines, then those for products. Raises
    StepUnfinished while outcomes wait for a later look-up or Rev.io cannot be reached; on the last try unknown outcomes are
    left to the closing step, and RevioRetryable is raised if Rev.io could not be reached.
    """
    started, began = context.clock(), time.perf_counter()
    devices = context.read_devices(slice_number)
    strategy = _strategy(context, slice_number, devices)
    with ThreadPoolExecutor(context.settings.rev_concurrency, thread_name_prefix="revio") as workers:
        results = _find_and_call(context, strategy, workers, devices)
        settled = [device for device in context.read_devices(slice_number) if device.state in SETTLED]
        results.add(_each(workers, partial(_make_ready, context), settled))
    outcomes = list(results.outcomes.values())
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    _record(context, slice_number, counts, started, began)
    _check_finished(context, outcomes, last_try, results.pause)
    return counts


def slice_label(context: SliceContext, slice_number: int) -> str:
    """Return what a person sees as the name of a slice: the ICCID, or the first of several."""
    with context.engine.connect() as connection:
        devices = list_slice_devices(connection, context.claim, slice_number)
    if not devices:
        return f"slice {slice_number}"
    rest = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{devices[0].iccid}{rest}"


def _strategy(context: SliceContext, slice_number: int, devices: Sequence[SliceDevice]) -> Strategy:
    """Return how the devices of a slice are brought to their end, with what the database has of their SIMs."""
    if any(device.ends_service_id is not None for device in devices):
        return Disconnection(context)
    looks = SliceLooks(context)
    with context.engine.connect() as connection:
        known = rows(connection, KnownLine, "service_lines/list_known", slice_number=slice_number, **context.claim.key)
    looks.learn(devices, known)
    return Creation(context, looks)


def _find_and_call(
    context: SliceContext, strategy: Strategy, workers: Executor, devices: Sequence[SliceDevice]
) -> Results:
    """Look at each device, then make the calls that are needed; return what became of the devices.

    What was looked at too long ago when its call's turn came, or was found meanwhile, is looked at again.
    """
    results, waiting = Results(), list(devices)
    for _ in range(MAX_LOOKS):
        stopped = is_stopped(context.engine, context.claim)
        if not stopped:
            strategy.renew(waiting)
        found = _each(workers, partial(_find, context, strategy, stopped=stopped), waiting)
        called = _call(context, strategy.operation, workers, [one for one in waiting if one.row_id in found.to_call])
        results.add(found)
        results.add(called)
        waiting = [one for one in waiting if called.outcomes.get(one.row_id) is Outcome.STALE]
        if not waiting:
            break
    return results


def _each(
    workers: Executor, work: Callable[[SliceDevice], Outcome | NextAction], devices: Sequence[SliceDevice]
) -> Results:
    """Return what became of each device; what goes wrong with one device costs no other its turn."""
    results = Results()

    def alone(device: SliceDevice) -> Outcome | NextAction:
        try:
            return work(device)
        except ClaimLost:
            raise
        except (RevioOutcomeUnknown, RevioRejected) as unknown:
            log.warning("%s: outcome unknown: %s", device.iccid, unknown)
            return Outcome.UNKNOWN
        except (RevioRetryable, StepUnfinished) as turned_away:
            log.warning("%s: %s", device.iccid, turned_away)
            pauses.append(turned_away.retry_after or 0.0)
            return Outcome.UNREACHABLE
        except Exception:
            log.exception("%s: something unforeseen; the device is tried again", device.iccid)
            return Outcome.FAILED

    pauses = [0.0]
    for device, became in zip(devices, list(workers.map(alone, devices)), strict=True):
        if isinstance(became, Outcome):
            results.outcomes[device.row_id] = became
        else:
            results.to_call.add(device.row_id)
    results.pause = max(pauses)
    return results


def _call(
    context: SliceContext, operation: CallOperation, workers: Executor, devices: Sequence[SliceDevice]
) -> Results:
    """Make the calls for the planned SIMs, account by account; return what became of each, and the last account's pause."""
    results = Results()
    for connection_id in sorted({device.connection_id for device in devices}):
        pace = Pace.AT_ONCE if context.is_small else Pace.EVEN
        own = [device for device in devices if device.connection_id == connection_id]
        calls = LineCalls(context, context.clients(connection_id), context.budgets(connection_id), operation)
        dispatcher = CallDispatcher(calls, workers, pace)
        called = dispatcher.call_all(own)
        results.outcomes |= {device.row_id: outcome for device, outcome in called}
        results.pause = max(results.pause, dispatcher.pause())
    return results


def _make_ready(context: SliceContext, device: SliceDevice) -> Outcome:
    """Add the products of a line that is known; its row may be associated once all are there."""
    outcome = Outcome(device.state.lower())
    assert device.service_id is not None, "a line that is settled is known"
    line = ProductLine(context, context.clients(device.connection_id), device, device.service_id)
    try:
        create_products(line, adopted=outcome is Outcome.ADOPTED)
    except ProductFailed as failed:
        fail_device(context, device, DeviceCode.REV_PRODUCT_FAILED, str(failed))
        return Outcome.REJECTED
    except RevioUnauthorized as refused:
        stop_change(context, device, refused)
        return Outcome.STOPPED
    set_ready(context, device, called_terms(device) if outcome is Outcome.CREATED else [])
    return outcome


def _find(context: SliceContext, strategy: Strategy, device: SliceDevice, *, stopped: bool) -> Outcome | NextAction:
    """Return the outcome of a device that needs no call, or none yet; CALL: a call is to be made.

    In a change that was stopped nobody is looked at for whom no call was made.
    """
    if device.state in SETTLED:
        return Outcome(device.state.lower())
    if stopped and device.state == "PLANNED" and not context.has_begun_product(device):
        return Outcome.STOPPED
    if device.state == "CALLING" and not expire_lease(context, device):
        raise RevioOutcomeUnknown("another worker's call for this SIM is still out")
    return strategy.find(device)


def _record(context: SliceContext, slice_number: int, counts: dict[str, int], started: datetime, began: float) -> None:
    step = f"{STEP} {slice_number}"
    context.transact_holding(
        lambda connection: record_step(connection, context.claim, step, counts, started=started, began=began)
    )


def _check_finished(context: SliceContext, outcomes: list[Outcome], last_try: bool, wait: float) -> None:
    open_ones = [outcome for outcome in outcomes if outcome in UNFINISHED]
    if not open_ones:
        return
    said = f"{len(open_ones)} of {len(outcomes)} devices are not settled: {open_ones.count(Outcome.UNKNOWN)} outcomes unknown"
    if not last_try:
        settle = min(30.0, max(1.0, context.settings.rev_search_lag_seconds / 4))
        raise StepUnfinished(said, retry_after=settle if Outcome.UNKNOWN in open_ones else max(settle, wait))
    if set(open_ones) - {Outcome.UNKNOWN}:
        raise RevioRetryable(f"{said}; Rev.io could not be reached to the end, retry the change when it can")

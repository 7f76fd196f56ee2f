"""Gives each SIM of a slice exactly one line at Rev.io, or ends it for a revert: intent, call, recorded outcome.

The protocol is that of the Rev.io contract, 'Duplicates'. Every transition is one conditional UPDATE whose row count is
checked; a POST is made only by the worker whose UPDATE turned the intent to CALLING, and its outcome, once known, is
always recorded, even when the run has lost its change meanwhile.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from device_association.bulk_changes.claims import holding, is_stopped, record_step
from device_association.database.execution import Record, changed, in_transaction, records
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.rate_limiting.limiter import Pace
from device_association.revio.lines import CLOCKS_DIFFER, Judgment, Line, Verdict
from device_association.service_lines.disconnect import ENDING, find_end
from device_association.service_lines.dispatch import Caller, creating
from device_association.service_lines.journal.calls import plan_again, why_not
from device_association.service_lines.journal.lines import (
    STEP,
    Desk,
    Outcome,
    at_work,
    called_terms,
    differing_terms,
    fail_device,
    log_devices,
    log_entry,
    reject_line,
    settle_line,
    stop_change,
)
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.named_lines import adopt_named_line, has_named_line
from device_association.service_lines.products import ProductFailed, create_products

log = logging.getLogger(__name__)


MAX_LOOKS = 5
"""How often a slice looks at SIMs again whose last look was too old when their turn came; then the next try does."""
REJECTIONS = {
    Verdict.OTHER_CUSTOMER: DeviceCode.REV_LINE_OF_OTHER_CUSTOMER,
    Verdict.AMBIGUOUS: DeviceCode.REV_LINE_AMBIGUOUS,
}
UNFINISHED = frozenset({Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.FAILED, Outcome.STALE})
SETTLED = frozenset({"CREATED", "ADOPTED"})
"""States of an intent whose line is known."""


def create_rev_services(desk: Desk, slice_number: int, *, last_try: bool) -> dict[str, int]:
    """Bring every open device of a slice to its line, some at the same time; return the count of each outcome.

    First what earlier tries left: look-ups and adoptions. Then the calls for lines, then those for products. Raises
    StepUnfinished while outcomes wait for a later look-up or Rev.io cannot be reached; on the last try unknown outcomes are
    left to the closing step, and RevioRetryable is raised if Rev.io could not be reached.
    """
    started, began = desk.clock(), time.perf_counter()
    devices, looks = _devices(desk, slice_number), SliceLooks(desk)
    with ThreadPoolExecutor(desk.settings.rev_concurrency, thread_name_prefix="revio") as workers:
        found, called, wait = _find_and_call(desk, looks, workers, slice_number, devices)
        settled = [device for device in _devices(desk, slice_number) if device["state"] in SETTLED]
        ready, pause = _each(workers, lambda device: _make_ready(desk, device), settled)
    outcomes = [outcome for outcome in (found | called | ready).values() if outcome is not None]
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    _record(desk, slice_number, counts, started, began)
    _check_finished(desk, outcomes, last_try, max(wait, pause))
    return counts


def slice_label(desk: Desk, slice_number: int) -> str:
    """Return what a person sees as the name of a slice: the ICCID, or the first of several."""
    with desk.engine.connect() as connection:
        devices = records(connection, "service_lines/list_slice_devices", slice_number=slice_number, **desk.claim.key)
    if not devices:
        return f"slice {slice_number}"
    rest = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{devices[0]['iccid']}{rest}"


def _devices(desk: Desk, slice_number: int) -> list[Record]:
    with desk.engine.connect() as connection:
        found = records(connection, "service_lines/list_slice_devices", slice_number=slice_number, **desk.claim.key)
    return [at_work(desk, device) for device in found]


def _find_and_call(
    desk: Desk, looks: SliceLooks, workers: Executor, slice_number: int, devices: Sequence[Record]
) -> tuple[dict[int, Outcome | None], dict[int, Outcome | None], float]:
    """Look at each SIM, then call for those that have no line; return both outcomes, and how long an account is paused.

    What was looked at too long ago when its call's turn came, or was found meanwhile, is looked at again.
    """
    with desk.engine.connect() as connection:
        known = records(connection, "service_lines/list_known", slice_number=slice_number, **desk.claim.key)
    looks.learn(devices, known)
    found: dict[int, Outcome | None] = {}
    called: dict[int, Outcome | None] = {}
    wait, waiting = 0.0, list(devices)
    for _ in range(MAX_LOOKS):
        stopped = is_stopped(desk.engine, desk.claim)
        if not stopped:
            new = [device for device in waiting if device["state"] == "PLANNED" and not device["ends_service_id"]]
            _renew(looks, new)
        looked, looks_pause = _each(workers, partial(_find, desk, looks, stopped=stopped), waiting)
        calls, calls_pause = _call(desk, looks, workers, [one for one in waiting if looked[one["row_id"]] is None])
        found, called, wait = found | looked, called | calls, max(wait, looks_pause, calls_pause)
        waiting = [device for device in waiting if calls.get(device["row_id"]) is Outcome.STALE]
        if not waiting:
            break
    return found, called, wait


def _renew(looks: SliceLooks, devices: Sequence[Record]) -> None:
    """Look at what was created since these SIMs were looked at, once for all of them; else each is looked up alone."""
    try:
        looks.renew(devices)
    except (RevioRetryable, RevioRejected, RevioUnauthorized, StepUnfinished) as problem:
        log.warning("%s", problem)


def _each(
    workers: Executor, work: Callable[[Record], Outcome | None], devices: Sequence[Record]
) -> tuple[dict[int, Outcome | None], float]:
    """Return what became of each device, by row, and how long an account is paused that turned one away.

    What goes wrong with one device costs no other its turn.
    """
    pauses = [0.0]

    def alone(device: Record) -> Outcome | None:
        try:
            return work(device)
        except ClaimLost:
            raise
        except (RevioOutcomeUnknown, RevioRejected) as unknown:
            log.warning("%s: outcome unknown: %s", device["iccid"], unknown)
            return Outcome.UNKNOWN
        except (RevioRetryable, StepUnfinished) as turned_away:
            log.warning("%s: %s", device["iccid"], turned_away)
            pauses.append(turned_away.retry_after or 0.0)
            return Outcome.UNREACHABLE
        except Exception:
            log.exception("%s: something unforeseen; the device is tried again", device["iccid"])
            return Outcome.FAILED

    outcomes = list(workers.map(alone, devices))
    return {device["row_id"]: outcome for device, outcome in zip(devices, outcomes, strict=True)}, max(pauses)


def _call(
    desk: Desk, looks: SliceLooks, workers: Executor, devices: Sequence[Record]
) -> tuple[dict[int, Outcome | None], float]:
    """Call for the planned SIMs, account by account; return what became of each, and how long the last account is paused.

    A change creates lines or ends them, never both.
    """
    outcomes: dict[int, Outcome | None] = {}
    wait = 0.0
    for connection_id in sorted({device["connection_id"] for device in devices}):
        pace = Pace.AT_ONCE if desk.is_small else Pace.EVEN
        own = [device for device in devices if device["connection_id"] == connection_id]
        work = ENDING if own[0]["ends_service_id"] else creating(looks)
        caller = Caller(desk, desk.clients(connection_id), desk.budgets(connection_id), workers, pace, work)
        called = caller.call_all(own)
        outcomes |= {device["row_id"]: outcome for device, outcome in called}
        wait = max(wait, caller.pause())
    return outcomes, wait


def _make_ready(desk: Desk, device: Record) -> Outcome:
    """Add the products of a line that is known; its row may be associated once all are there."""
    outcome = Outcome(device["state"].lower())
    try:
        create_products(
            desk,
            desk.clients(device["connection_id"]),
            device,
            device["service_id"],
            adopted=outcome is Outcome.ADOPTED,
        )
    except ProductFailed as failed:
        fail_device(desk, device, DeviceCode.REV_PRODUCT_FAILED, str(failed))
        return Outcome.REJECTED
    except RevioUnauthorized as refused:
        stop_change(desk, device, refused)
        return Outcome.STOPPED
    _set_ready(desk, device)
    return outcome


def _set_ready(desk: Desk, device: Record) -> None:
    """Let a row be associated whose line is all there; log where that line was called for with other terms than its own."""
    now, differing = desk.clock(), called_terms(device) if device["state"] == "CREATED" else []

    def set_ready(connection: Connection) -> None:
        if changed(connection, "service_lines/set_ready", intent_id=device["intent_id"], now=now) and differing:
            said = f"line {device['service_id']} was created by an earlier call, with {', '.join(differing)}"
            log_devices(connection, desk, [log_entry(device, response=said)], now)

    in_transaction(desk.engine, set_ready)


def _find(desk: Desk, looks: SliceLooks, device: Record, *, stopped: bool) -> Outcome | None:
    """Return the outcome of a SIM that needs no call, or none yet; None: its line is to be created by a call.

    In a change that was stopped nobody is looked at for whom no call was made.
    """
    if device["state"] in SETTLED:
        return Outcome(device["state"].lower())
    if stopped and device["state"] == "PLANNED" and not desk.has_begun_product(device):
        return Outcome.STOPPED
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("service_lines/expire_lease", intent_id=intent):
        raise RevioOutcomeUnknown("another worker's call for this SIM is still out")
    if device["ends_service_id"]:
        return find_end(desk, device)
    try:
        if device["state"] == "PLANNED":
            return use_found(desk, looks, device, looks.judge(device), after_call=False)
        found, asked = looks.look_up(device)
    except RevioUnauthorized as refused:
        stop_change(desk, device, refused)
        return Outcome.STOPPED
    except (RevioRetryable, RevioRejected, StepUnfinished):
        desk.transact("service_lines/doubt_again", intent_id=intent)
        raise
    if found.verdict is not Verdict.FREE:
        return use_found(desk, looks, device, found, after_call=True)
    if not plan_again(desk, device, asked):
        raise RevioOutcomeUnknown("the line is not to be seen yet; it is looked up again before any other call")
    looks.record_looked(device, asked)
    return use_found(desk, looks, device, found, after_call=False)


def use_found(desk: Desk, looks: SliceLooks, device: Record, found: Judgment, *, after_call: bool) -> Outcome | None:
    """Take the one line that was found as the SIM's, or the one that a person named; reject the SIM when that cannot be.

    None: it has no line, and nobody has named one.
    """
    if has_named_line(device):
        try:
            named = adopt_named_line(desk, device, found)
        except RevioOutcomeUnknown:
            named = why_not(desk, device) or Outcome.UNKNOWN
        if named is not None:
            return named
    if found.verdict is Verdict.FREE:
        return None
    if found.verdict is not Verdict.OWN:
        return reject_line(desk, device, REJECTIONS[found.verdict], found.reason, shown=found.lines)
    line = found.lines[0]
    assert line.service_id is not None, "a line that is the SIM's has been judged"
    outcome = outcome_of(device, line, looks.keys_before(device)) if after_call else Outcome.ADOPTED
    try:
        return settle_line(desk, device, line.service_id, outcome, line)[0]
    except RevioOutcomeUnknown:
        return why_not(desk, device) or Outcome.UNKNOWN


def outcome_of(device: Record, line: Line, known_before: Collection[str]) -> Outcome:
    """Return whether the only line that was found after a call is one that it created, or one of somebody else's.

    Ours is what was absent before the call, was created when it was out, and equals every field that it sent and that is
    asked for now. Source: the Rev.io contract, 'Duplicates', 4 and 5.
    """
    called = device["called"]
    if line.key in known_before or called is None or line.created is None or not device["called_body"]:
        return Outcome.ADOPTED
    again = line.created.astimezone(device["account_zone"]).replace(fold=1)  # in the hour that comes twice
    is_of_the_call = any(called - CLOCKS_DIFFER <= one <= called + CLOCKS_DIFFER for one in (line.created, again))
    differs = line.differing_fields(json.loads(device["called_body"])) or differing_terms(device, line)
    return Outcome.CREATED if is_of_the_call and not differs else Outcome.ADOPTED


def _record(desk: Desk, slice_number: int, counts: dict[str, int], started: datetime, began: float) -> None:
    holding(
        desk.engine,
        desk.claim,
        desk.clock(),
        lambda connection: record_step(
            connection, desk.claim, f"{STEP} {slice_number}", counts, started=started, began=began
        ),
    )


def _check_finished(desk: Desk, outcomes: list[Outcome], last_try: bool, wait: float) -> None:
    open_ones = [outcome for outcome in outcomes if outcome in UNFINISHED]
    if not open_ones:
        return
    said = f"{len(open_ones)} of {len(outcomes)} devices are not settled: {open_ones.count(Outcome.UNKNOWN)} outcomes unknown"
    if not last_try:
        settle = min(30.0, max(1.0, desk.settings.rev_settle_seconds / 4))
        raise StepUnfinished(said, retry_after=settle if Outcome.UNKNOWN in open_ones else max(settle, wait))
    if set(open_ones) - {Outcome.UNKNOWN}:
        raise RevioRetryable(f"{said}; Rev.io could not be reached to the end, retry the change when it can")

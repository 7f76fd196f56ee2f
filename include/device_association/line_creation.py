"""Gives each SIM of a slice exactly one line at Rev.io, or ends it for a revert: intent, call, recorded outcome.

The protocol is that of the Rev.io contract, 'Duplicates'. Every transition is one conditional UPDATE whose row count is
checked; a POST is made only by the worker whose UPDATE turned the intent to CALLING, and its outcome, once known, is
always recorded, even when the run has lost its change meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime, timedelta

from device_association.call_budget import Pace
from device_association.call_records import why_not
from device_association.claims import holding, record_step
from device_association.codes import DeviceCode
from device_association.database import Record, rows
from device_association.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.line_calls import CREATING, Caller
from device_association.line_endings import ENDING, find_end
from device_association.line_outcomes import STEP, Desk, Outcome, fail_device, reject_line, settle_line, stop_change
from device_association.line_planning import customer_number
from device_association.line_products import ProductFailed, create_products
from device_association.revio import Line, RevioClient, match_lines

CLOCK_SLACK = timedelta(minutes=10)
"""How far Rev.io's clock may be behind ours when a line that is found is compared with our call."""
log = logging.getLogger(__name__)


UNFINISHED = frozenset({Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.FAILED})
SETTLED = frozenset({"CREATED", "ADOPTED"})
"""States of an intent whose line is known."""


def create_rev_services(desk: Desk, slice_number: int, *, last_try: bool) -> dict[str, int]:
    """Bring every open device of a slice to its line, some at the same time; return the count of each outcome.

    First what earlier tries left: look-ups and adoptions. Then the calls for lines, then those for products. Raises
    StepUnfinished while outcomes wait for a later look-up or Rev.io cannot be reached; on the last try unknown outcomes are
    left to the closing step, and RevioRetryable is raised if Rev.io could not be reached.
    """
    started, began = desk.clock(), time.perf_counter()
    devices, listed = _devices(desk, slice_number), _listed(desk, slice_number)
    with ThreadPoolExecutor(desk.settings.rev_concurrency, thread_name_prefix="revio") as workers:
        found = _each(workers, lambda device: _find(desk, device, listed.get(device["intent_id"], [])), devices)
        called, wait = _call(desk, workers, [device for device in devices if found[device["row_id"]] is None])
        settled = [device for device in _devices(desk, slice_number) if device["state"] in SETTLED]
        ready = _each(workers, lambda device: _make_ready(desk, device), settled)
    outcomes = [outcome for outcome in (found | called | ready).values() if outcome is not None]
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    _record(desk, slice_number, counts, started, began)
    _check_finished(desk, outcomes, last_try, wait)
    return counts


def slice_label(desk: Desk, slice_number: int) -> str:
    """Return what a person sees as the name of a slice: the ICCID, or the first of several."""
    with desk.engine.connect() as connection:
        devices = rows(connection, "intents/list_slice_devices", slice_number=slice_number, **desk.claim.key)
    if not devices:
        return f"slice {slice_number}"
    rest = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{devices[0]['iccid']}{rest}"


def _devices(desk: Desk, slice_number: int) -> list[Record]:
    now = desk.clock()
    with desk.engine.connect() as connection:
        found = rows(connection, "intents/list_slice_devices", slice_number=slice_number, **desk.claim.key)
    return [{**device, "now": now} for device in found]


def _listed(desk: Desk, slice_number: int) -> dict[int, list[Line]]:
    """Return the lines of the bulk look-up that may be a SIM's, by intent."""
    listed: dict[int, list[Line]] = {}
    with desk.engine.connect() as connection:
        found = rows(connection, "intents/list_slice_lines", slice_number=slice_number, **desk.claim.key)
    for one in found:
        line = Line(one["service_id"], None, one["number"], one["number2"], one["created"], None)
        listed.setdefault(one["intent_id"], []).append(line)
    return listed


def _each(
    workers: Executor, work: Callable[[Record], Outcome | None], devices: Sequence[Record]
) -> dict[int, Outcome | None]:
    """Return what became of each device, by row; what goes wrong with one costs no other its turn."""

    def alone(device: Record) -> Outcome | None:
        try:
            return work(device)
        except ClaimLost:
            raise
        except (RevioOutcomeUnknown, RevioRejected) as unknown:
            log.warning("%s: outcome unknown: %s", device["iccid"], unknown)
            return Outcome.UNKNOWN
        except RevioRetryable as turned_away:
            log.warning("%s: %s", device["iccid"], turned_away)
            return Outcome.UNREACHABLE
        except Exception:
            log.exception("%s: something unforeseen; the device is tried again", device["iccid"])
            return Outcome.FAILED

    return {device["row_id"]: outcome for device, outcome in zip(devices, workers.map(alone, devices), strict=True)}


def _call(desk: Desk, workers: Executor, devices: Sequence[Record]) -> tuple[dict[int, Outcome | None], float]:
    """Call for the planned SIMs, account by account; return what became of each, and how long the last account is paused.

    A change creates lines or ends them, never both.
    """
    outcomes: dict[int, Outcome | None] = {}
    wait = 0.0
    for connection_id in sorted({device["connection_id"] for device in devices}):
        pace = Pace.AT_ONCE if desk.is_small else Pace.EVEN
        own = [device for device in devices if device["connection_id"] == connection_id]
        work = ENDING if own[0]["ends_service_id"] else CREATING
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
    desk.transact("intents/set_ready", intent_id=device["intent_id"])
    return outcome


def _find(desk: Desk, device: Record, listed: list[Line]) -> Outcome | None:
    """Return the outcome of a SIM that needs no call, or none yet; None: its line is to be created by a call."""
    if device["state"] in SETTLED:
        return Outcome(device["state"].lower())
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("intents/expire_lease", intent_id=intent):
        raise RevioOutcomeUnknown("another worker's call for this SIM is still out")
    if device["ends_service_id"]:
        return find_end(desk, device, listed)
    if device["state"] == "PLANNED":
        found = match_lines(listed, iccid=device["iccid"], msisdn=device["msisdn"])
        return _use_found(desk, device, found, after_call=False) if found else None
    asked = desk.clock()
    try:
        found = look_up(desk, desk.clients(device["connection_id"]), device, listed)
    except RevioUnauthorized as refused:
        stop_change(desk, device, refused)
        return Outcome.STOPPED
    except RevioRetryable:
        desk.transact("intents/doubt_again", intent_id=intent)
        raise
    if found:
        return _use_found(desk, device, found, after_call=True)
    before = asked - timedelta(seconds=desk.settings.rev_settle_seconds)
    account = {"connection_id": device["connection_id"]}
    if not desk.transact("intents/plan_again", intent_id=intent, unknown_before=before, **account):
        raise RevioOutcomeUnknown("the line is not to be seen yet; it is looked up again before any other call")
    return None


def look_up(desk: Desk, client: RevioClient, device: Record, listed: list[Line]) -> list[Line]:
    """Return the customer's active lines that are this SIM's: as Rev.io shows them now, and as it listed them before."""
    number = customer_number(device["customer_number"])
    now = desk.clock()
    shown = [
        line
        for line in client.lines(customer_id=number, number2=device["iccid"])
        if line.customer_id == number and line.is_active(now)
    ]
    known = {line.service_id: line for line in [*listed, *shown]}
    return match_lines(list(known.values()), iccid=device["iccid"], msisdn=device["msisdn"])


def _use_found(desk: Desk, device: Record, found: list[Line], *, after_call: bool) -> Outcome | None:
    """Take the one line that was found as the SIM's; reject the SIM when there are several.

    A line without a creation date counts as adopted: nothing ever disconnects such a line by itself.
    """
    if len(found) > 1:
        named = ", ".join(str(line.service_id) for line in found)
        return reject_line(
            desk,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"the active lines {named} are all this SIM's; disconnect all but one",
        )
    line = found[0]
    try:
        return settle_line(desk, device, line.service_id, outcome_of(device, line, after_call=after_call), line)[0]
    except RevioOutcomeUnknown:
        return why_not(desk, device) or Outcome.UNKNOWN


def outcome_of(device: Record, line: Line, *, after_call: bool) -> Outcome:
    """Return whether a line that was found is one that our call created, or one that was there. Source: 'Duplicates', 4."""
    ours = after_call and line.created is not None and line.created >= device["intent_created"] - CLOCK_SLACK
    return Outcome.CREATED if ours else Outcome.ADOPTED


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

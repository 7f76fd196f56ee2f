"""Gives each SIM of a slice exactly one line at Rev.io: intent, call, recorded outcome.

The protocol is that of the Rev.io contract, 'Duplicates'. Every transition is one conditional UPDATE whose row count is
checked; a POST is made only by the worker whose UPDATE turned the intent to CALLING, and its outcome, once known, is
always recorded, even when the run has lost its change meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from device_association.claims import holding, record_step
from device_association.codes import DeviceCode
from device_association.database import Record, row, rows
from device_association.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.line_outcomes import (
    STEP,
    Desk,
    Outcome,
    fail_device,
    line_body,
    reject_line,
    settle_line,
    stop_change,
)
from device_association.line_planning import customer_number
from device_association.line_products import ProductFailed, create_products
from device_association.revio import Line, RevioClient, match_lines

CLOCK_SLACK = timedelta(minutes=10)
"""How far Rev.io's clock may be behind ours when a line that is found is compared with our call."""
log = logging.getLogger(__name__)


UNFINISHED = frozenset({Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.FAILED})


def create_rev_services(desk: Desk, slice_number: int, *, last_try: bool) -> dict[str, int]:
    """Bring every open device of a slice to its line, some at the same time; return the count of each outcome.

    Raises StepUnfinished while outcomes wait for a later look-up or Rev.io cannot be reached; on the last try unknown
    outcomes are left to the closing step, and RevioRetryable is raised if Rev.io could not be reached.
    """
    started, began = desk.clock(), time.perf_counter()
    devices, listed = _load(desk, slice_number)
    with ThreadPoolExecutor(desk.settings.rev_concurrency, thread_name_prefix="revio") as workers:
        outcomes = list(workers.map(lambda device: _bring_alone(desk, device, listed), devices))
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    _record(desk, slice_number, counts, started, began)
    _check_finished(desk, outcomes, last_try)
    return counts


def slice_label(desk: Desk, slice_number: int) -> str:
    """Return what a person sees as the name of a slice: the ICCID, or the first of several."""
    with desk.engine.connect() as connection:
        devices = rows(connection, "intents/list_slice_devices", slice_number=slice_number, **desk.claim.key)
    if not devices:
        return f"slice {slice_number}"
    rest = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{devices[0]['iccid']}{rest}"


def _load(desk: Desk, slice_number: int) -> tuple[Sequence[Record], dict[int, list[Line]]]:
    where = {"slice_number": slice_number, **desk.claim.key}
    with desk.engine.connect() as connection:
        found = rows(connection, "intents/list_slice_devices", **where)
        listed: dict[int, list[Line]] = {}
        for one in rows(connection, "intents/list_slice_lines", **where):
            line = Line(one["service_id"], None, one["number"], one["number2"], one["created"], None)
            listed.setdefault(one["intent_id"], []).append(line)
    now = desk.clock()
    return [{**device, "now": now} for device in found], listed


def _bring_alone(desk: Desk, device: Record, listed: dict[int, list[Line]]) -> Outcome:
    """Bring one device to its line; what goes wrong with it costs no other device of the slice its turn."""
    try:
        return _bring_to_line(desk, device, listed)
    except ClaimLost:
        raise
    except Exception:
        log.exception("%s: something unforeseen; the device is tried again", device["iccid"])
        return Outcome.FAILED


def _bring_to_line(desk: Desk, device: Record, listed: dict[int, list[Line]]) -> Outcome:
    """Bring one device to its line and products, as far as it goes in this try."""
    client = desk.clients(device["connection_id"])
    state, service_id = device["state"], device["service_id"]
    try:
        if state in {"CREATED", "ADOPTED"}:
            outcome = Outcome(state.lower())
        else:
            outcome, service_id = _find_or_create(desk, client, device, listed.get(device["intent_id"], []))
        if outcome in {Outcome.CREATED, Outcome.ADOPTED}:
            create_products(desk, client, device, service_id, adopted=outcome is Outcome.ADOPTED)
            desk.transact("intents/set_ready", intent_id=device["intent_id"])
        return outcome
    except ProductFailed as failed:
        fail_device(desk, device, DeviceCode.REV_PRODUCT_FAILED, str(failed))
        return Outcome.REJECTED
    except (RevioOutcomeUnknown, RevioRejected) as unknown:
        log.warning("%s: outcome unknown: %s", device["iccid"], unknown)
        return Outcome.UNKNOWN
    except RevioRetryable as turned_away:
        log.warning("%s: %s", device["iccid"], turned_away)
        return Outcome.UNREACHABLE
    except RevioUnauthorized as refused:
        stop_change(desk, device, refused)
        return Outcome.STOPPED


def _find_or_create(desk: Desk, client: RevioClient, device: Record, listed: list[Line]) -> tuple[Outcome, int | None]:
    """Return the line of one SIM: found after an unknown outcome, adopted, or created by one POST."""
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("intents/expire_lease", intent_id=intent):
        raise RevioOutcomeUnknown("another worker's call for this SIM is still out")
    if device["state"] in {"CALLING", "UNKNOWN"}:
        found = _look_up(desk, client, device, listed)
        if found:
            return _use_found(desk, device, found, after_call=True)
        before = desk.clock() - timedelta(seconds=desk.settings.rev_settle_seconds)
        if not desk.transact("intents/plan_again", intent_id=intent, unknown_before=before):
            raise RevioOutcomeUnknown("the line is not to be seen yet; it is looked up again before any other call")
    else:
        found = match_lines(listed, iccid=device["iccid"], msisdn=device["msisdn"])
        if found:
            return _use_found(desk, device, found, after_call=False)
    return _call(desk, client, device)


def _look_up(desk: Desk, client: RevioClient, device: Record, listed: list[Line]) -> list[Line]:
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


def _use_found(desk: Desk, device: Record, found: list[Line], *, after_call: bool) -> tuple[Outcome, int | None]:
    """Take the one line that was found as the SIM's; reject the SIM when there are several.

    A line without a creation date counts as adopted: nothing ever disconnects such a line by itself.
    """
    if len(found) > 1:
        named = ", ".join(str(line.service_id) for line in found)
        reject_line(
            desk,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"the active lines {named} are all this SIM's; disconnect all but one",
        )
        return Outcome.REJECTED, None
    line = found[0]
    ours = after_call and line.created is not None and line.created >= device["intent_created"] - CLOCK_SLACK
    try:
        return settle_line(desk, device, line.service_id, Outcome.CREATED if ours else Outcome.ADOPTED, line)
    except RevioOutcomeUnknown:
        return _why_not(desk, device), None


def _call(desk: Desk, client: RevioClient, device: Record) -> tuple[Outcome, int | None]:
    """POST once for a SIM whose intent this worker turned to CALLING; a call that was turned away is repeated."""
    give_up = time.monotonic() + desk.settings.rev_retry_seconds
    while True:
        if not _begin(desk, device):
            return _why_not(desk, device), None
        try:
            service_id = client.create_line(line_body(device))
        except RevioRetryable as turned_away:
            _release(desk, device)
            wait = turned_away.retry_after if turned_away.retry_after is not None else 1.0
            if time.monotonic() + wait > give_up:
                raise
            time.sleep(wait)
        except RevioUnauthorized:
            _release(desk, device)
            raise
        except RevioRejected as refused:
            reject_line(desk, device, DeviceCode.REV_REJECTED, f"Rev.io refused the line: {refused}")
            return Outcome.REJECTED, None
        except RevioOutcomeUnknown as unknown:
            desk.transact(
                "intents/doubt_call", intent_id=device["intent_id"], owner=desk.owner, detail=str(unknown)[:1000]
            )
            raise
        else:
            return settle_line(desk, device, service_id, Outcome.CREATED, None)


def _begin(desk: Desk, device: Record) -> int:
    """Take the lease of the SIM's call; 0: this worker must not call."""
    return desk.transact(
        "intents/begin_call",
        intent_id=device["intent_id"],
        owner=desk.owner,
        lease_until=desk.clock() + timedelta(seconds=desk.settings.rev_lease_seconds),
        run_id=desk.claim.run_id,
        **desk.claim.key,
    )


def _why_not(desk: Desk, device: Record) -> Outcome:
    """Say why a SIM may not be begun: its change was stopped, or somebody else bills it, which ends its row.

    Raises ClaimLost when the run lost its change, RevioOutcomeUnknown when another worker is at this very SIM.
    """
    now = desk.clock()
    holding(desk.engine, desk.claim, now, lambda connection: None)
    with desk.engine.connect() as connection:
        stopped = row(connection, "intents/find_stop", **desk.claim.key)
        conflict = row(connection, "intents/find_conflict", intent_id=device["intent_id"], now=now)
    if stopped:
        return Outcome.STOPPED
    if conflict:
        reason = f"{conflict['said']}; have it disconnected first"
        reject_line(desk, device, DeviceCode.DEVICE_ASSIGNED_TO_OTHER_CUSTOMER, reason)
        return Outcome.REJECTED
    raise RevioOutcomeUnknown("another worker's call for this SIM is out")


def _release(desk: Desk, device: Record) -> None:
    desk.transact("intents/release_call", intent_id=device["intent_id"], owner=desk.owner)


def _record(desk: Desk, slice_number: int, counts: dict[str, int], started: datetime, began: float) -> None:
    holding(
        desk.engine,
        desk.claim,
        desk.clock(),
        lambda connection: record_step(
            connection, desk.claim, f"{STEP} {slice_number}", counts, started=started, began=began
        ),
    )


def _check_finished(desk: Desk, outcomes: list[Outcome], last_try: bool) -> None:
    open_ones = [outcome for outcome in outcomes if outcome in UNFINISHED]
    if not open_ones:
        return
    said = f"{len(open_ones)} of {len(outcomes)} devices are not settled: {open_ones.count(Outcome.UNKNOWN)} outcomes unknown"
    if not last_try:
        raise StepUnfinished(said, retry_after=min(30.0, max(1.0, desk.settings.rev_settle_seconds / 4)))
    if set(open_ones) - {Outcome.UNKNOWN}:
        raise RevioRetryable(f"{said}; Rev.io could not be reached to the end, retry the change when it can")

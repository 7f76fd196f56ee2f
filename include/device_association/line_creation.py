"""Gives each SIM of a slice exactly one line at Rev.io: intent, call, recorded outcome.

The protocol is that of the Rev.io contract, 'Duplicates'. Every transition is one conditional UPDATE whose row count is
checked; a POST is made only by the worker whose UPDATE turned the intent to CALLING, and its outcome, once known, is
always recorded, even when the run has lost its change meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, RowMapping

from device_association.claims import Claim, holding, record_step
from device_association.codes import DeviceCode
from device_association.database import as_json, changed, in_transaction, row, rows, run
from device_association.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.line_planning import Clients, customer_number
from device_association.line_products import ProductFailed, create_products
from device_association.revio import Line, RevioClient, match_lines
from device_association.settings import Settings

STEP = "create_rev_service"
CLOCK_SLACK = timedelta(minutes=10)
"""How far Rev.io's clock may be behind ours when a line that is found is compared with our call."""
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of one device in this try."""

    CREATED = "created"
    ADOPTED = "adopted"
    REJECTED = "rejected"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"


UNFINISHED = frozenset({Outcome.UNKNOWN, Outcome.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one slice is worked on: the database, the claim, the accounts' clients, the limits and the clock."""

    engine: Engine
    claim: Claim
    clients: Clients
    settings: Settings
    clock: Callable[[], datetime]
    owner: str = field(default_factory=lambda: uuid4().hex)
    """Who owns the leases: this try alone, so that a try that was given up can't speak for the next one."""

    def transact(self, statement: str, **binds: object) -> int:
        """Run one conditional statement in a transaction of its own and return how many rows it changed."""
        return in_transaction(self.engine, lambda connection: changed(connection, statement, now=self.clock(), **binds))


def create_rev_services(desk: Desk, slice_number: int, *, last_try: bool) -> dict[str, int]:
    """Bring every open device of a slice to its line, some at the same time; return the count of each outcome.

    Raises StepUnfinished while outcomes wait for a later look-up or Rev.io cannot be reached; on the last try unknown
    outcomes are left to the closing step, and RevioRetryable is raised if Rev.io could not be reached.
    """
    started = desk.clock()
    devices, listed = _load(desk, slice_number)
    with ThreadPoolExecutor(desk.settings.rev_concurrency, thread_name_prefix="revio") as workers:
        outcomes = list(workers.map(lambda device: _bring_to_line(desk, device, listed), devices))
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
    _record(desk, slice_number, counts, started)
    _check_finished(desk, outcomes, last_try)
    return counts


def slice_label(desk: Desk, slice_number: int) -> str:
    """Return what a person sees as the name of a slice: the ICCID, or the first of several."""
    devices, _ = _load(desk, slice_number)
    if not devices:
        return f"slice {slice_number}"
    rest = f" and {len(devices) - 1} more" if len(devices) > 1 else ""
    return f"{devices[0]['iccid']}{rest}"


def _load(desk: Desk, slice_number: int) -> tuple[Sequence[RowMapping], dict[int, list[Line]]]:
    where = {"slice_number": slice_number, **desk.claim.key}
    with desk.engine.connect() as connection:
        devices = rows(connection, "intents/list_slice_devices", now=desk.clock(), **where)
        listed: dict[int, list[Line]] = {}
        for one in rows(connection, "intents/list_slice_lines", **where):
            line = Line(one["service_id"], None, one["number"], one["number2"], one["created"], None)
            listed.setdefault(one["intent_id"], []).append(line)
    return devices, listed


def _bring_to_line(desk: Desk, device: RowMapping, listed: dict[int, list[Line]]) -> Outcome:
    """Bring one device to its line and products, as far as it goes in this try."""
    client = desk.clients(device["connection_id"])
    state, service_id = device["state"], device["service_id"]
    try:
        if state in {"CREATED", "ADOPTED"}:
            outcome = Outcome(state.lower())
        else:
            outcome, service_id = _find_or_create(desk, client, device, listed.get(device["intent_id"], []))
        if outcome in {Outcome.CREATED, Outcome.ADOPTED}:
            create_products(desk, client, device, service_id)
            desk.transact("intents/set_ready", intent_id=device["intent_id"])
        return outcome
    except ProductFailed as failed:
        _fail_row(desk, device, DeviceCode.REV_PRODUCT_FAILED, str(failed))
        return Outcome.REJECTED
    except RevioOutcomeUnknown as unknown:
        log.warning("%s: outcome unknown: %s", device["iccid"], unknown)
        return Outcome.UNKNOWN
    except RevioRetryable as turned_away:
        log.warning("%s: %s", device["iccid"], turned_away)
        return Outcome.UNREACHABLE
    except RevioUnauthorized as refused:
        _stop(desk, device, refused)
        return Outcome.STOPPED


def _find_or_create(
    desk: Desk, client: RevioClient, device: RowMapping, listed: list[Line]
) -> tuple[Outcome, int | None]:
    """Return the line of one SIM: found after an unknown outcome, adopted, or created by one POST."""
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("intents/expire_lease", intent_id=intent):
        raise RevioOutcomeUnknown("another worker's call for this SIM is still out")
    if device["state"] in {"CALLING", "UNKNOWN"}:
        found = _look_up(desk, client, device)
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


def _look_up(desk: Desk, client: RevioClient, device: RowMapping) -> list[Line]:
    """Return the customer's active lines that are this SIM's, as Rev.io shows them now."""
    number = customer_number(device["customer_number"])
    now = desk.clock()
    shown = [
        line
        for line in client.lines(customer_id=number, number2=device["iccid"])
        if line.customer_id == number and line.is_active(now)
    ]
    return match_lines(shown, iccid=device["iccid"], msisdn=device["msisdn"])


def _use_found(desk: Desk, device: RowMapping, found: list[Line], *, after_call: bool) -> tuple[Outcome, int | None]:
    """Take the one line that was found as the SIM's; reject the SIM when there are several."""
    if len(found) > 1:
        named = ", ".join(str(line.service_id) for line in found)
        _reject(
            desk,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"the active lines {named} are all this SIM's; disconnect all but one",
        )
        return Outcome.REJECTED, None
    line = found[0]
    ours = after_call and (line.created is None or line.created >= device["intent_created"] - CLOCK_SLACK)
    return _settle(desk, device, line.service_id, Outcome.CREATED if ours else Outcome.ADOPTED, line)


def _call(desk: Desk, client: RevioClient, device: RowMapping) -> tuple[Outcome, int | None]:
    """POST once for a SIM whose intent this worker turned to CALLING; a call that was turned away is repeated."""
    give_up = time.monotonic() + desk.settings.rev_retry_seconds
    while True:
        if not _begin(desk, device):
            return Outcome.STOPPED, None
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
            _reject(desk, device, DeviceCode.REV_REJECTED, f"Rev.io refused the line: {refused}")
            return Outcome.REJECTED, None
        except RevioOutcomeUnknown as unknown:
            desk.transact(
                "intents/doubt_call", intent_id=device["intent_id"], owner=desk.owner, detail=str(unknown)[:1000]
            )
            raise
        else:
            return _settle(desk, device, service_id, Outcome.CREATED, None)


def line_body(device: RowMapping | dict[str, Any]) -> dict[str, object]:
    """Return the body of `POST /v1/Services` for one device. Source: the Rev.io contract, 'Create'."""
    return {
        "customer_id": customer_number(device["customer_number"]),
        "provider_id": device["provider_id"],
        "service_type_id": device["service_type_id"],
        "number": device["msisdn"] or device["iccid"],
        "number2": device["iccid"],
        "effective_date": device["effective_date"] if device["prorate"] else None,
        "activated_date": device["activated_date"],
        "usage_plan_group_id": device["usage_plan_group_id"],
        "package_id": device["rev_package_id"],
        "description": device["description"] or None,
    }


def _begin(desk: Desk, device: RowMapping) -> bool:
    """Whether this worker may call for the SIM now. False: the change was stopped. Raises ClaimLost otherwise."""
    lease_until = desk.clock() + timedelta(seconds=desk.settings.rev_lease_seconds)
    if desk.transact(
        "intents/begin_call",
        intent_id=device["intent_id"],
        owner=desk.owner,
        lease_until=lease_until,
        run_id=desk.claim.run_id,
        **desk.claim.key,
    ):
        return True
    with desk.engine.connect() as connection:
        if row(connection, "intents/find_stop", **desk.claim.key):
            return False
    raise ClaimLost(f"run {desk.claim.run_id} may no longer call for {device['iccid']}: another worker or run has it")


def _release(desk: Desk, device: RowMapping) -> None:
    desk.transact("intents/release_call", intent_id=device["intent_id"], owner=desk.owner)


def _settle(
    desk: Desk, device: RowMapping, service_id: int, outcome: Outcome, line: Line | None
) -> tuple[Outcome, int | None]:
    """Record the SIM's line, its mirror row and its log row in one transaction; a line of another SIM is refused."""
    now = desk.clock()

    def settle(connection: Connection) -> bool:
        account = {"account_id": device["account_id"], "service_id": service_id}
        run(connection, "lines/own_line", iccid=device["iccid"], now=now, **account)
        owner = row(connection, "lines/find_owner", **account)
        if owner is None or owner["iccid"] != device["iccid"]:
            return False
        changed(
            connection,
            "intents/settle_line",
            intent_id=device["intent_id"],
            state=outcome.name,
            service_id=service_id,
            owner=desk.owner,
            detail=f"line {service_id} {outcome}",
            now=now,
        )
        _mirror(connection, desk, device, service_id, line, now)
        _log(connection, desk, device, response=f"line {service_id} {outcome}", error=None, now=now)
        return True

    if not in_transaction(desk.engine, settle):
        _reject(
            desk,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"Rev.io names line {service_id}, which belongs to another SIM; have the line looked at in Rev.io",
        )
        return Outcome.REJECTED, None
    return outcome, service_id


def _mirror(
    connection: Connection, desk: Desk, device: RowMapping, service_id: int, line: Line | None, now: datetime
) -> None:
    body = line_body(device)
    run(
        connection,
        "lines/insert_rev_service",
        service_id=service_id,
        customer_id=device["customer_id"],
        number=line.number if line else body["number"],
        number2=(line.number2 if line else None) or device["iccid"],
        activated_date=device["activated_date"],
        account_id=device["account_id"],
        service_type_id=device["service_type_id"],
        provider_id=device["provider_id"],
        usage_plan_group_id=device["usage_plan_group_id"],
        description=device["description"],
        actor=desk.claim.actor,
        now=now,
    )


def _reject(desk: Desk, device: RowMapping, code: DeviceCode, reason: str) -> None:
    """End the SIM's intent and its row in one transaction."""
    now = desk.clock()

    def reject(connection: Connection) -> None:
        run(
            connection,
            "intents/reject_intent",
            intent_id=device["intent_id"],
            owner=desk.owner,
            detail=reason[:1000],
            now=now,
        )
        fail_row(connection, desk, device, code, reason, now)

    in_transaction(desk.engine, reject)


def _fail_row(desk: Desk, device: RowMapping, code: DeviceCode, reason: str) -> None:
    now = desk.clock()
    in_transaction(desk.engine, lambda connection: fail_row(connection, desk, device, code, reason, now))


def fail_row(
    connection: Connection, desk: Desk, device: RowMapping, code: DeviceCode, reason: str, now: datetime
) -> None:
    """End one row as API_FAILED, with its log row, and give its device back, in the caller's transaction."""
    details = f"{code}: {reason}"
    if changed(
        connection,
        "device_changes/fail_row",
        row_id=device["row_id"],
        code=code,
        details=details,
        actor=desk.claim.actor,
        run_id=desk.claim.run_id,
        now=now,
        **desk.claim.key,
    ):
        _log(connection, desk, device, response=None, error=details, now=now)
        run(connection, "device_changes/release_hold", row_id=device["row_id"])


def _log(
    connection: Connection, desk: Desk, device: RowMapping, *, response: str | None, error: str | None, now: datetime
) -> None:
    run(
        connection,
        "audit/log_device_step",
        bulk_change_id=desk.claim.bulk_change_id,
        row_id=device["row_id"],
        step=STEP,
        request=as_json({name: value for name, value in line_body(device).items() if value is not None}),
        response=response,
        error=error,
        actor=desk.claim.actor,
        now=now,
    )


def _stop(desk: Desk, device: RowMapping, refused: RevioUnauthorized) -> None:
    """Stop the whole change: Rev.io refuses the credentials; nobody else of it is called."""
    log.error("Rev.io refuses the credentials of %s: %s", device["connection_id"], refused)
    desk.transact(
        "intents/insert_stop",
        code=DeviceCode.REV_UNAUTHORIZED,
        actor=desk.claim.actor,
        reason=f"Rev.io refuses the credentials of connection {device['connection_id']}; correct it, then retry",
        **desk.claim.key,
    )


def _record(desk: Desk, slice_number: int, counts: dict[str, int], started: datetime) -> None:
    step = f"{STEP} {slice_number}"
    holding(
        desk.engine,
        desk.claim,
        desk.clock(),
        lambda connection: record_step(connection, desk.claim, step, counts, started=started, ended=desk.clock()),
    )


def _check_finished(desk: Desk, outcomes: list[Outcome], last_try: bool) -> None:
    open_ones = [outcome for outcome in outcomes if outcome in UNFINISHED]
    if not open_ones:
        return
    said = f"{len(open_ones)} of {len(outcomes)} devices are not settled: {open_ones.count(Outcome.UNKNOWN)} outcomes unknown"
    if not last_try:
        raise StepUnfinished(said, retry_after=min(30.0, max(1.0, desk.settings.rev_settle_seconds / 4)))
    if Outcome.UNREACHABLE in open_ones:
        raise RevioRetryable(f"{said}; Rev.io could not be reached to the end, retry the change when it can")

"""What the database is told about calls for lines: that they begin, and what became of them, many in one transaction."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from device_association.bulk_changes.claims import holding
from device_association.database.execution import Record, as_json, changed, in_transaction, record, records, run
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import RevioError, RevioOutcomeUnknown, RevioRejected, RevioUnauthorized
from device_association.domain.storable_text import storable
from device_association.findings.store import FindingKind, report
from device_association.service_lines.journal.lines import (
    Desk,
    Outcome,
    finding_about,
    line_body,
    log_devices,
    log_entry,
    mirror_row,
    reject_line,
    settle_line,
    stop_change,
)
from device_association.service_lines.lookups.account import LOOK_LASTS

log = logging.getLogger(__name__)


def begin_creations(desk: Desk, devices: Sequence[Record]) -> set[int]:
    """Take the leases of the calls that create these SIMs' lines; return the intents whose call this worker must make now."""
    bodies = {device["intent_id"]: {"body": line_body(device)} for device in devices}
    return begin_calls(
        desk,
        devices,
        statement="service_lines/begin_calls",
        more=bodies,
        looked_after=desk.clock() - LOOK_LASTS,
    )


def begin_calls(
    desk: Desk,
    devices: Sequence[Record],
    *,
    statement: str,
    more: Mapping[int, Mapping[str, object]] | None = None,
    **binds: object,
) -> set[int]:
    """Take the leases of the calls for these SIMs; return the intents whose call this worker must make now.

    `more` is what the statement gets of an intent beside its id. The transaction holds the claim: a change that is being
    closed or stopped has no call begun behind its back. Raises ClaimLost where the claim is gone.
    """
    now = desk.clock()
    begun = holding(
        desk.engine,
        desk.claim,
        now,
        lambda connection: records(
            connection,
            statement,
            intents=as_json(
                [{"intent_id": one["intent_id"], **(more or {}).get(one["intent_id"], {})} for one in devices]
            ),
            connection_id=devices[0]["connection_id"],
            owner=desk.owner,
            lease_until=now + timedelta(seconds=desk.settings.rev_lease_seconds),
            run_id=desk.claim.run_id,
            now=now,
            **binds,
            **desk.claim.key,
        ),
    )
    return {one["intent_id"] for one in begun}


def why_not(desk: Desk, device: Record) -> Outcome | None:
    """Say why a SIM may not be called for: its change was stopped, somebody bills it already, which ends its row, ...

    None: nothing is in the way any more, it may be tried again. Raises ClaimLost when the run lost its change.
    """
    now = desk.clock()
    holding(desk.engine, desk.claim, now, lambda connection: None)
    with desk.engine.connect() as connection:
        stopped = record(connection, "bulk_changes/find_stop", **desk.claim.key)
        ends = device.get("ends_service_id")
        conflict = (
            None if ends else record(connection, "service_lines/find_conflict", intent_id=device["intent_id"], now=now)
        )
        intent = record(connection, "service_lines/find_intent", intent_id=device["intent_id"])
    if stopped:
        return Outcome.STOPPED
    if intent is None or intent["state"] != "PLANNED":  # another worker of the slice is at it; the line may be its own
        return Outcome.UNKNOWN
    if conflict:
        if conflict["is_other"]:
            reason = f"{conflict['said']}; have it disconnected first"
            return reject_line(desk, device, DeviceCode.DEVICE_ASSIGNED_TO_OTHER_CUSTOMER, reason)
        reason = f"{conflict['said']}; send it with CreateRevService off to associate without a new line"
        return reject_line(desk, device, DeviceCode.DEVICE_HAS_ACTIVE_SERVICE, reason)
    return None if intent["row_is_open"] else Outcome.UNKNOWN


def record_created(desk: Desk, created: Sequence[tuple[Record, int]]) -> list[tuple[Record, Outcome]]:
    """Record lines that were created, with their mirror and log rows, in one transaction; return each device's outcome."""
    now = desk.clock()
    mirrored = {device["intent_id"]: mirror_row(device, service_id) for device, service_id in created}

    def record(connection: Connection) -> set[int]:
        run(connection, "service_lines/own_lines", lines=as_json(list(mirrored.values())), now=now)
        settled = {
            one["intent_id"]
            for one in records(
                connection,
                "service_lines/settle_calls",
                lines=as_json(
                    [
                        {
                            "intent_id": device["intent_id"],
                            "row_id": device["row_id"],
                            "service_id": service_id,
                            "is_ready": int(not wants_products(device)),
                        }
                        for device, service_id in created
                    ]
                ),
                owner=desk.owner,
                now=now,
            )
        }
        told = [
            log_entry(device, response=f"line {service_id} created")
            for device, service_id in created
            if device["intent_id"] in settled
        ]
        if settled:
            own = [mirrored[intent_id] for intent_id in settled]
            mirror = {"lines": as_json(own), "is_listed": 0, "actor": desk.claim.actor}
            run(connection, "service_lines/insert_rev_services", now=now, **mirror)
            log_devices(connection, desk, told, now)
        return settled

    settled = in_transaction(desk.engine, record)
    return [
        (device, Outcome.CREATED if device["intent_id"] in settled else _record_alone(desk, device, service_id))
        for device, service_id in created
    ]


def _record_alone(desk: Desk, device: Record, service_id: int) -> Outcome:
    """Record a line that came after the lease of its call; one that belongs to another SIM leaves the outcome unknown."""
    try:
        return settle_line(desk, device, service_id, Outcome.CREATED, None)[0]
    except RevioOutcomeUnknown as problem:
        return record_refusal(desk, device, problem)


def wants_products(device: Record) -> bool:
    """Whether the request names products for the device's line."""
    return bool(json.loads(device["rev_product_id_list"]))


def record_refusal(desk: Desk, device: Record, problem: Exception) -> Outcome:
    """Record a call that ended in an error which will not be repeated now; what is unforeseen counts as outcome unknown."""
    if isinstance(problem, RevioUnauthorized):
        release(desk, device)
        stop_change(desk, device, problem)
        return Outcome.STOPPED
    if isinstance(problem, RevioRejected):
        ends = device.get("ends_service_id")
        reason = f"Rev.io refused {f'to disconnect line {ends}' if ends else 'the line'}: {problem}"
        return reject_line(desk, device, DeviceCode.REV_REJECTED, reason, was_called=True)
    if not isinstance(problem, RevioError):
        log.error("%s: something unforeseen; its line is looked up", device["iccid"], exc_info=problem)
    log.warning("%s: outcome unknown: %s", device["iccid"], problem)
    desk.transact(
        "service_lines/doubt_call",
        intent_id=device["intent_id"],
        owner=desk.owner,
        detail=storable(f"{problem or type(problem)}", 1000),
    )
    return Outcome.UNKNOWN


def release(desk: Desk, device: Record) -> None:
    """Give a call back that was certainly not acted on."""
    _not_acted_on(desk, device, "service_lines/release_call", owner=desk.owner)


def plan_again(desk: Desk, device: Record, asked: datetime) -> bool:
    """Plan a call again of which nothing was seen when Rev.io was asked; return False before the settle time is over."""
    before = asked - timedelta(seconds=desk.settings.rev_settle_seconds)
    about = {"unknown_before": before, "connection_id": device["connection_id"]}
    return _not_acted_on(desk, device, "service_lines/plan_again", **about) > 0


def _not_acted_on(desk: Desk, device: Record, statement: str, **binds: object) -> int:
    """Run the statement that plans a call again, or ends it where its row has ended: that nobody looks at, so report it."""
    ends, now = device.get("ends_service_id"), desk.clock()
    said = f"the call that ends line {ends}" if ends else "the call for its line"
    kind = FindingKind.OUTCOME_SETTLED_ABSENT
    finding = finding_about(desk, device, kind, f"{said} was not acted on, and its row had ended before; retry it")

    def plan(connection: Connection) -> int:
        about = {"intent_id": device["intent_id"]}
        planned = changed(connection, statement, now=now, **binds, **about)
        intent = record(connection, "service_lines/find_intent", **about)
        if planned and intent is not None and intent["state"] == "ABANDONED":
            report(connection, [finding], now=now)
        return planned

    return in_transaction(desk.engine, plan)

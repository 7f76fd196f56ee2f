"""The calls for lines: that they begin, and what became of them, many in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from device_association.bulk_changes.claims import holding
from device_association.database.execution import changed, exists, row, run, values
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioError, RevioOutcomeUnknown, RevioRejected, RevioUnauthorized
from device_association.domain.storable_text import storable
from device_association.findings.store import FindingKind, report
from device_association.service_lines.context import Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, line_body
from device_association.service_lines.journal.entries import (
    finding_about,
    log_devices,
    log_entry,
    mirror_row,
    stop_change,
)
from device_association.service_lines.journal.lines import find_intent, reject_line, settle_line
from device_association.service_lines.lookups.account import LOOK_LASTS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Who has, or asks for, a line for the SIM of an intent, as `service_lines/find_conflict` returns it."""

    reason: str
    is_other: bool
    """Whether it is another customer's."""


def begin_creations(context: SliceContext, devices: Sequence[SliceDevice]) -> set[int]:
    """Take the leases of the calls that create these SIMs' lines; return the intents whose call this worker must make now."""
    bodies = {device.intent_id: line_body(device) for device in devices}
    return begin_calls(context, devices[0].connection_id, bodies)


def begin_calls(
    context: SliceContext, connection_id: str, bodies: Mapping[int, Mapping[str, object] | None]
) -> set[int]:
    """Take the leases of the calls for lines, by intent with the body of its call; return those to be made now.

    The transaction holds the claim: a change that is being closed or stopped has no call begun behind its back. Raises
    ClaimLost where the claim is gone.
    """
    now = context.clock()
    return context.transact_holding(
        lambda connection: set(
            values(
                connection,
                "service_lines/begin_calls",
                intents=as_json([{"intent_id": intent, "body": body} for intent, body in bodies.items()]),
                connection_id=connection_id,
                looked_after=now - LOOK_LASTS,
                owner=context.owner,
                lease_until=now + timedelta(seconds=context.settings.rev_lease_seconds),
                run_id=context.claim.run_id,
                now=now,
                **context.claim.key,
            )
        )
    )


def blocking_reason(context: SliceContext, device: SliceDevice) -> Outcome | None:
    """Return what keeps a SIM from being called for: its change was stopped, somebody bills it, which ends its row, ...

    None: nothing is in the way any more, it may be tried again. Raises ClaimLost when the run lost its change.
    """
    now, is_creation = context.clock(), device.ends_service_id is None
    holding(context.engine, context.claim, now, lambda _: None)
    with context.engine.connect() as connection:
        stopped = exists(connection, "bulk_changes/find_stop", **context.claim.key)
        about = {"intent_id": device.intent_id, "now": now}
        conflict = row(connection, Conflict, "service_lines/find_conflict", **about) if is_creation else None
        intent = find_intent(connection, device.intent_id)
    if stopped:
        return Outcome.STOPPED
    if intent is None or intent.state != "PLANNED":  # another worker of the slice is at it; the line may be its own
        return Outcome.UNKNOWN
    if conflict and conflict.is_other:
        reason = f"{conflict.reason}; have it disconnected first"
        return reject_line(context, device, DeviceCode.DEVICE_ASSIGNED_TO_OTHER_CUSTOMER, reason)
    if conflict:
        reason = f"{conflict.reason}; send it with CreateRevService off to associate without a new line"
        return reject_line(context, device, DeviceCode.DEVICE_HAS_ACTIVE_SERVICE, reason)
    return None if intent.row_is_open else Outcome.UNKNOWN


def record_created(
    context: SliceContext, created: Sequence[tuple[SliceDevice, int]]
) -> list[tuple[SliceDevice, Outcome]]:
    """Record lines that were created, with their mirror and log rows, in one transaction; return each device's outcome."""
    now = context.clock()
    mirrored = {device.intent_id: mirror_row(device, service_id) for device, service_id in created}
    lines = [
        {
            "intent_id": device.intent_id,
            "row_id": device.row_id,
            "service_id": service_id,
            "is_ready": int(not device.wants_products),
        }
        for device, service_id in created
    ]

    def record(connection: Connection) -> set[int]:
        run(connection, "service_lines/own_lines", lines=as_json(list(mirrored.values())), now=now)
        settle = {"lines": as_json(lines), "owner": context.owner, "now": now}
        settled: set[int] = set(values(connection, "service_lines/settle_calls", **settle))
        logged = [
            log_entry(device, response=f"line {service_id} created")
            for device, service_id in created
            if device.intent_id in settled
        ]
        if settled:
            own = [mirrored[intent_id] for intent_id in settled]
            mirror = {"lines": as_json(own), "is_listed": 0, "actor": context.claim.actor}
            run(connection, "service_lines/insert_rev_services", now=now, **mirror)
            log_devices(connection, context, logged, now)
        return settled

    settled = context.transact(record)
    return [
        (device, Outcome.CREATED if device.intent_id in settled else _record_alone(context, device, service_id))
        for device, service_id in created
    ]


def _record_alone(context: SliceContext, device: SliceDevice, service_id: int) -> Outcome:
    """Record a line that came after the lease of its call; one that belongs to another SIM leaves the outcome unknown."""
    try:
        return settle_line(context, device, service_id, Outcome.CREATED, None)[0]
    except RevioOutcomeUnknown as problem:
        return record_refusal(context, device, problem)


def record_refusal(context: SliceContext, device: SliceDevice, problem: Exception) -> Outcome:
    """Record a call that ended in an error which will not be repeated now; what is unforeseen counts as outcome unknown."""
    if isinstance(problem, RevioUnauthorized):
        release(context, device)
        stop_change(context, device, problem)
        return Outcome.STOPPED
    if isinstance(problem, RevioRejected):
        ends = device.ends_service_id
        asked = "the line" if ends is None else f"to disconnect line {ends}"
        reason = f"Rev.io refused {asked}: {problem}"
        return reject_line(context, device, DeviceCode.REV_REJECTED, reason, was_called=True)
    if not isinstance(problem, RevioError):
        log.error("%s: something unforeseen; its line is looked up", device.iccid, exc_info=problem)
    log.warning("%s: outcome unknown: %s", device.iccid, problem)
    now, detail = context.clock(), storable(f"{problem or type(problem)}", 1000)
    about = {"intent_id": device.intent_id, "owner": context.owner, "detail": detail, "now": now}
    context.transact(lambda connection: run(connection, "service_lines/doubt_call", **about))
    return Outcome.UNKNOWN


def doubt_again(context: SliceContext, device: SliceDevice) -> None:
    """Record that Rev.io could not be asked about a call in doubt: what it still has to do counts from now."""
    about = {"intent_id": device.intent_id, "now": context.clock()}
    context.transact(lambda connection: run(connection, "service_lines/doubt_again", **about))


def expire_lease(context: SliceContext, device: SliceDevice) -> bool:
    """Put a call in doubt whose lease has run out; return False where it may still be out."""
    about = {"intent_id": device.intent_id, "now": context.clock()}
    return context.transact(lambda connection: changed(connection, "service_lines/expire_lease", **about)) > 0


def release(context: SliceContext, device: SliceDevice) -> None:
    """Release a call that was certainly not acted on."""
    about = {"intent_id": device.intent_id, "owner": context.owner, "now": context.clock()}
    _plan_or_end(context, device, lambda connection: changed(connection, "service_lines/release_call", **about))


def plan_again(context: SliceContext, device: SliceDevice, asked: datetime) -> bool:
    """Plan a call again of which nothing was seen when Rev.io was asked; return False before the settle time is over."""
    before = asked - timedelta(seconds=context.settings.rev_search_lag_seconds)
    about = {"intent_id": device.intent_id, "connection_id": device.connection_id, "now": context.clock()}
    return _plan_or_end(
        context,
        device,
        lambda connection: changed(connection, "service_lines/plan_again", unknown_before=before, **about),
    )


def _plan_or_end(context: SliceContext, device: SliceDevice, plan: Callable[[Connection], int]) -> bool:
    """Run the statement that plans a call again, or ends it where its row has ended: nobody looks at that, so report it."""
    ends, now = device.ends_service_id, context.clock()
    call = "the call for its line" if ends is None else f"the call that ends line {ends}"
    kind = FindingKind.OUTCOME_SETTLED_ABSENT
    finding = finding_about(context, device, kind, f"{call} was not acted on, and its row had ended before; retry it")

    def plan_or_end(connection: Connection) -> bool:
        planned = plan(connection)
        intent = find_intent(connection, device.intent_id)
        if planned and intent is not None and intent.state == "ABANDONED":
            report(connection, [finding], now=now)
        return planned > 0

    return context.transact(plan_or_end)

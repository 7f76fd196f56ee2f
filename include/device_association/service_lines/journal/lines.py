"""What is known of a SIM's line is written here: its intent, its mirror row, its log row, its row's end, together.

Each function is one transaction; which of two workers may write is decided by the conditional UPDATE in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Literal

from sqlalchemy import Connection

from device_association.bulk_changes.stops import stop_if_failing
from device_association.database.execution import changed, row, run
from device_association.domain.codes import VALIDATION_CODES, DeviceChangeStatus, DeviceCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioOutcomeUnknown
from device_association.domain.sim_numbers import iccid_keys
from device_association.domain.storable_text import storable
from device_association.findings.store import FindingKind, report
from device_association.revio.lines import Line
from device_association.service_lines.context import Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, differing_terms
from device_association.service_lines.journal.entries import finding_about, log_devices, log_entry, mirror_line
from device_association.service_lines.lookups.snapshot import keep_lines

REFUSALS = frozenset({DeviceCode.REV_REJECTED, DeviceCode.REV_PRODUCT_FAILED})
"""Codes of what Rev.io was asked for and refused: the abort rule looks at each of them."""
RecordOwner = Callable[[Connection, SliceDevice, int, datetime], str | None]
"""Records whose a line is, see `own_line`."""


@dataclass(frozen=True, slots=True)
class Intent:
    """How an intent stands, and whether its row is open and not deleted, as `service_lines/find_intent` returns it."""

    state: str
    service_id: int | None
    row_is_open: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """The SIM that a line belongs to, as `service_lines/find_owner` returns it."""

    iccid: str


class Settled(Enum):
    """Whether a line could be recorded as its SIM's."""

    DONE = auto()
    OTHER_SIM = auto()
    TOO_LATE = auto()


def find_intent(connection: Connection, intent_id: int) -> Intent | None:
    """Return how an intent stands; None for one that is gone."""
    return row(connection, Intent, "service_lines/find_intent", intent_id=intent_id)


def find_owner(connection: Connection, account_id: int, service_id: int) -> str | None:
    """Return the ICCID of the SIM that a line of an account is kept as; None for none."""
    owner = row(connection, Owner, "service_lines/find_owner", account_id=account_id, service_id=service_id)
    return owner.iccid if owner else None


def own_line(connection: Connection, device: SliceDevice, service_id: int, now: datetime) -> str | None:
    """Record in the caller's transaction whose a line is; return what else to log, None where it is another SIM's."""
    account = {"account_id": device.account_id, "service_id": service_id}
    run(connection, "service_lines/own_lines", lines=as_json([{**account, "number2": device.iccid}]), now=now)
    owner = find_owner(connection, device.account_id, service_id)
    if owner is None or device.iccid not in iccid_keys(owner):
        return None
    if owner != device.iccid:  # the same SIM in another spelling, whose change gives the line up
        run(connection, "service_lines/give_line", iccid=device.iccid, now=now, **account)
    return ""


def settle_line(
    context: SliceContext,
    device: SliceDevice,
    service_id: int,
    outcome: Outcome,
    line: Line | None,
    *,
    own: RecordOwner = own_line,
) -> tuple[Outcome, int | None]:
    """Record the SIM's line, its mirror row and its log row in one transaction; a line of another SIM is refused.

    `own` records whose the line is.

    A line that comes too late is mirrored and logged as such, and RevioOutcomeUnknown is raised: the change was stopped
    or lost before the adoption, or the call outlived its lease and the SIM has another line by now. It is raised too when
    the answer to a call (then there is no `line`) names another SIM's line: what the call created is not known.
    """
    now = context.clock()
    settled = context.transact(
        lambda connection: _record_line(connection, context, device, service_id, outcome, line, own, now)
    )
    if settled is Settled.TOO_LATE:
        raise RevioOutcomeUnknown(f"line {service_id} could not be recorded for this SIM any more")
    if settled is Settled.OTHER_SIM and line is None:
        raise RevioOutcomeUnknown(f"Rev.io named line {service_id} as created, which belongs to another SIM")
    if settled is Settled.OTHER_SIM:
        rejected = reject_line(
            context,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"Rev.io shows line {service_id}, which belongs to another SIM; have it looked at in Rev.io, or name the line "
            "that is this SIM's",
        )
        return rejected, None
    return outcome, service_id


def _record_line(
    connection: Connection,
    context: SliceContext,
    device: SliceDevice,
    service_id: int,
    outcome: Outcome,
    line: Line | None,
    own: RecordOwner,
    now: datetime,
) -> Settled:
    also = own(connection, device, service_id, now)
    if also is None:
        return Settled.OTHER_SIM
    said = _settled_text(device, service_id, outcome, line) + also
    settled = changed(
        connection,
        "service_lines/settle_line",
        intent_id=device.intent_id,
        state=outcome.name,
        service_id=service_id,
        owner=context.owner,
        run_id=context.claim.run_id,
        detail=storable(said, 1000),
        now=now,
        **context.claim.key,
    )
    known = find_intent(connection, device.intent_id)
    if not settled and (known is None or known.service_id != service_id):
        if outcome is not Outcome.CREATED:
            raise RevioOutcomeUnknown(f"line {service_id} could not be adopted for this SIM any more")
        mirror_line(connection, context, device, service_id, None, now)
        late = f"line {service_id} was created by a call that outlived its lease; have it looked at in Rev.io"
        log_devices(connection, context, [log_entry(device, error=late)], now)
        return Settled.TOO_LATE
    mirror_line(connection, context, device, service_id, line if outcome is Outcome.ADOPTED else None, now)
    log_devices(connection, context, [log_entry(device, response=said)], now)
    return Settled.DONE


def _settled_text(device: SliceDevice, service_id: int, outcome: Outcome, line: Line | None) -> str:
    """Say which line became the SIM's and how; of an adopted one also where it is not as it was asked for."""
    differing = differing_terms(device, line) if line and outcome is Outcome.ADOPTED else []
    return f"line {service_id} {outcome}" + (f"; at Rev.io it has {', '.join(differing)}" if differing else "")


def reject_line(
    context: SliceContext,
    device: SliceDevice,
    code: DeviceCode,
    reason: str,
    *,
    was_called: bool = False,
    shown: Collection[Line] = (),
) -> Literal[Outcome.REJECTED, Outcome.UNKNOWN]:
    """End the SIM's intent and its row in one transaction; UNKNOWN: another worker is at it, or has called since.

    `shown` are the lines because of which it ends: they are kept with those that the account has shown, so that nobody gets
    a line for the SIM in another account.

    `was_called` says that this worker's own call was refused. A refusal that fulfils the abort rule stops the change in the
    same transaction, which no begin of a call can pass: all of them hold the change's state.
    """
    now = context.clock()

    def reject(connection: Connection) -> bool:
        run(connection, "bulk_changes/lock_state", bulk_change_id=context.claim.bulk_change_id)
        rejected = changed(
            connection,
            "service_lines/reject_intent",
            intent_id=device.intent_id,
            was_called=int(was_called),
            owner=context.owner,
            detail=storable(reason, 1000),
            now=now,
        )
        if rejected:
            if not _fail_row(connection, context, device, code, reason, now):
                report(connection, [finding_about(context, device, FindingKind.OUTCOME_AMBIGUOUS, reason)], now=now)
            keep_lines(connection, shown, account_id=device.account_id, listed=now, shown=context.clock())
            _stop_if_failing(connection, context, code, now)
        return rejected > 0

    return Outcome.REJECTED if context.transact(reject) else Outcome.UNKNOWN


def fail_device(context: SliceContext, device: SliceDevice, code: DeviceCode, reason: str) -> None:
    """End one device as API_FAILED; its intent stays as it is. A refusal may stop the change, see `reject_line`."""
    now = context.clock()

    def fail(connection: Connection) -> None:
        run(connection, "bulk_changes/lock_state", bulk_change_id=context.claim.bulk_change_id)
        _fail_row(connection, context, device, code, reason, now)
        _stop_if_failing(connection, context, code, now)

    context.transact(fail)


def _stop_if_failing(connection: Connection, context: SliceContext, code: DeviceCode, now: datetime) -> None:
    if code in REFUSALS:
        rule = {"percent": context.settings.abort_percent, "sample": context.settings.abort_min_sample}
        stop_if_failing(connection, context.claim, now=now, **rule)


def _fail_row(
    connection: Connection, context: SliceContext, device: SliceDevice, code: DeviceCode, reason: str, now: datetime
) -> bool:
    """End one row with its log row and give its device back, in the caller's transaction; return False where it has ended.

    A code of the validation makes it ERROR, one of Rev.io API_FAILED.
    """
    details = f"{code}: {reason}"
    failed = changed(
        connection,
        "service_lines/fail_row",
        row_id=device.row_id,
        status=DeviceChangeStatus.ERROR if code in VALIDATION_CODES else DeviceChangeStatus.API_FAILED,
        code=code,
        details=details,
        actor=context.claim.actor,
        run_id=context.claim.run_id,
        now=now,
        **context.claim.key,
    )
    if failed:
        log_devices(connection, context, [log_entry(device, error=details)], now)
        run(connection, "service_lines/release_lock", row_id=device.row_id)
    return failed > 0

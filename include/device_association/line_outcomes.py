"""What is known of a SIM's line is written here: its intent, its mirror row, its log row, its row's end, together.

Each function is one transaction; which of two workers may write is decided by the conditional UPDATE in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum, auto
from typing import Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from device_association.call_budget import SMALL, CallBudget
from device_association.claims import Claim, is_past_deadline, stop
from device_association.codes import VALIDATION_CODES, DeviceCode, Row
from device_association.database import Record, as_json, changed, in_transaction, row, rows, run
from device_association.errors import RevioOutcomeUnknown, RevioUnauthorized
from device_association.line_planning import Clients, customer_number, refusal_text
from device_association.revio import Line
from device_association.settings import Settings

STEP = "create_rev_service"
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of one device in this try."""

    CREATED = "created"
    ADOPTED = "adopted"
    ENDED = "ended"
    KEPT = "kept"
    REJECTED = "rejected"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


class Settled(Enum):
    """Whether a line could be recorded as its SIM's."""

    DONE = auto()
    OTHER_SIM = auto()
    TOO_LATE = auto()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one slice is worked on: the database, the claim, the accounts' clients, the limits and the clock."""

    engine: Engine
    claim: Claim
    clients: Clients
    settings: Settings
    clock: Callable[[], datetime]
    budgets: Callable[[str], CallBudget | None] = lambda _: None
    """Gives the call budget of the account behind a connection id; None: no limit is kept."""
    is_small: bool = False
    """Whether the change is small enough to take at once what the account's minute has left."""
    owner: str = field(default_factory=lambda: uuid4().hex)
    """Who owns the leases: this try alone, so that a try that was given up can't speak for the next one."""

    def is_late(self) -> bool:
        """Whether the change's deadline has passed: what is open now is not tried again."""
        with self.engine.connect() as connection:
            return is_past_deadline(connection, self.claim, self.clock())

    def transact(self, statement: str, **binds: object) -> int:
        """Run one conditional statement in a transaction of its own and return how many rows it changed."""
        return in_transaction(self.engine, lambda connection: changed(connection, statement, now=self.clock(), **binds))


def open_desk(
    engine: Engine,
    claim: Claim,
    clients: Clients,
    settings: Settings,
    clock: Callable[[], datetime],
    budgets: Callable[[str], CallBudget | None],
) -> Desk:
    """Return the desk for a slice of the claim's change."""
    with engine.connect() as connection:
        slices = rows(connection, "intents/list_slices", **claim.key)
    is_small = sum(one["devices"] for one in slices) <= SMALL
    return Desk(engine, claim, clients, settings, clock, budgets, is_small)


def line_body(device: Record) -> dict[str, object]:
    """Return the body of `POST /v1/Services` for one device. Source: the Rev.io contract, 'Create'."""
    return {
        "customer_id": customer_number(device["customer_number"]),
        "provider_id": device["provider_id"],
        "service_type_id": device["service_type_id"],
        "number": device["msisdn"] or device["iccid"],
        "number2": device["iccid"],
        **line_dates(device),
        "usage_plan_group_id": device["usage_plan_group_id"],
        "package_id": device["rev_package_id"],
        "description": device["description"] or None,
    }


def end_body(device: Record) -> dict[str, object] | None:
    """Return the body of `DELETE /v1/Services` for one device; None where a line is to come and none to go."""
    ends = device.get("ends_service_id")
    return None if ends is None else {"service_id": ends, "effective_date": end_day(device)}


def end_day(device: Record) -> date:
    """Return the day on which a line or product ends, that on which a person would end it: the tenant's today."""
    now: datetime = device["now"]
    return now.astimezone(ZoneInfo(device["time_zone"] or "UTC")).date()


def line_dates(device: Record) -> dict[str, date | None]:
    """Return the dates of a line or product as the tenant's calendar has them; the effective date only with proration."""
    zone = ZoneInfo(device["time_zone"] or "UTC")
    activated = device["activated_date"]
    effective = device["effective_date"] or activated or device["now"]
    return {
        "effective_date": effective.astimezone(zone).date() if device["prorate"] else None,
        "activated_date": activated and activated.astimezone(zone).date(),
    }


def settle_line(
    desk: Desk, device: Record, service_id: int, outcome: Outcome, line: Line | None
) -> tuple[Outcome, int | None]:
    """Record the SIM's line, its mirror row and its log row in one transaction; a line of another SIM is refused.

    A line that comes too late is mirrored and logged as such, and RevioOutcomeUnknown is raised: the change was stopped
    or lost before the adoption, or the call outlived its lease and the SIM has another line by now. It is raised too when
    the answer to a call (then there is no `line`) names another SIM's line: what the call created is not known.
    """
    now = desk.clock()
    settled = in_transaction(
        desk.engine, lambda connection: _record_line(connection, desk, device, service_id, outcome, line, now)
    )
    if settled is Settled.TOO_LATE:
        raise RevioOutcomeUnknown(f"line {service_id} could not be recorded for this SIM any more")
    if settled is Settled.OTHER_SIM and line is None:
        raise RevioOutcomeUnknown(f"Rev.io named line {service_id} as created, which belongs to another SIM")
    if settled is Settled.OTHER_SIM:
        rejected = reject_line(
            desk,
            device,
            DeviceCode.REV_LINE_AMBIGUOUS,
            f"Rev.io shows line {service_id}, which belongs to another SIM; have the line looked at in Rev.io",
        )
        return rejected, None
    return outcome, service_id


def _record_line(
    connection: Connection,
    desk: Desk,
    device: Record,
    service_id: int,
    outcome: Outcome,
    line: Line | None,
    now: datetime,
) -> Settled:
    account = {"account_id": device["account_id"], "service_id": service_id}
    run(connection, "lines/own_lines", lines=as_json([{**account, "number2": device["iccid"]}]), now=now)
    owner = row(connection, "lines/find_owner", **account)
    if owner is None or owner["iccid"] != device["iccid"]:
        return Settled.OTHER_SIM
    settled = changed(
        connection,
        "intents/settle_line",
        intent_id=device["intent_id"],
        state=outcome.name,
        service_id=service_id,
        owner=desk.owner,
        run_id=desk.claim.run_id,
        detail=f"line {service_id} {outcome}",
        now=now,
        **desk.claim.key,
    )
    known = row(connection, "intents/find_intent", intent_id=device["intent_id"])
    if not settled and (known is None or known["service_id"] != service_id):
        if outcome is Outcome.CREATED:
            _mirror(connection, desk, device, service_id, line, now)
            late = f"line {service_id} was created by a call that outlived its lease; have it looked at in Rev.io"
            log_devices(connection, desk, [log_entry(device, error=late)], now)
        return Settled.TOO_LATE
    _mirror(connection, desk, device, service_id, line, now)
    log_devices(connection, desk, [log_entry(device, response=f"line {service_id} {outcome}")], now)
    return Settled.DONE


def mirror_row(device: Record, service_id: int, line: Line | None = None) -> dict[str, object]:
    """Return a line as the billing mirror keeps it: as it was asked for, or as Rev.io showed it."""
    body = line_body(device)
    names = ("customer_id", "account_id", "activated_date", "terms_id")
    return {
        "service_id": service_id,
        "number": line.number if line else body["number"],
        "number2": (line.number2 if line else None) or device["iccid"],
        **{name: device[name] for name in names},
    }


def _mirror(
    connection: Connection, desk: Desk, device: Record, service_id: int, line: Line | None, now: datetime
) -> None:
    mirrored = as_json([mirror_row(device, service_id, line)])
    run(connection, "lines/insert_rev_services", lines=mirrored, actor=desk.claim.actor, now=now)


def reject_line(
    desk: Desk, device: Record, code: DeviceCode, reason: str, *, was_called: bool = False
) -> Literal[Outcome.REJECTED, Outcome.UNKNOWN]:
    """End the SIM's intent and its row in one transaction; UNKNOWN: another worker is at it, or has called since.

    `was_called` says that this worker's own call was refused.
    """
    now = desk.clock()

    def reject(connection: Connection) -> bool:
        rejected = changed(
            connection,
            "intents/reject_intent",
            intent_id=device["intent_id"],
            was_called=int(was_called),
            owner=desk.owner,
            detail=reason[:1000],
            now=now,
        )
        if rejected:
            _fail_row(connection, desk, device, code, reason, now)
        return rejected > 0

    return Outcome.REJECTED if in_transaction(desk.engine, reject) else Outcome.UNKNOWN


def fail_device(desk: Desk, device: Record, code: DeviceCode, reason: str) -> None:
    """End one device as API_FAILED; its intent stays as it is."""
    now = desk.clock()
    in_transaction(desk.engine, lambda connection: _fail_row(connection, desk, device, code, reason, now))


def _fail_row(connection: Connection, desk: Desk, device: Record, code: DeviceCode, reason: str, now: datetime) -> None:
    """End one row with its log row and give its device back, in the caller's transaction.

    A code of the validation makes it ERROR, one of Rev.io API_FAILED.
    """
    details = f"{code}: {reason}"
    if changed(
        connection,
        "device_changes/fail_row",
        row_id=device["row_id"],
        status=Row.ERROR if code in VALIDATION_CODES else Row.API_FAILED,
        code=code,
        details=details,
        actor=desk.claim.actor,
        run_id=desk.claim.run_id,
        now=now,
        **desk.claim.key,
    ):
        log_devices(connection, desk, [log_entry(device, error=details)], now)
        run(connection, "device_changes/release_hold", row_id=device["row_id"])


def log_entry(device: Record, *, response: str | None = None, error: str | None = None) -> dict[str, object]:
    """Return what the log tells of one device in this step: what was asked, and what came of it."""
    asked = {name: value for name, value in (end_body(device) or line_body(device)).items() if value is not None}
    return {"row_id": device["row_id"], "request": asked, "response": response, "error": error}


def log_devices(connection: Connection, desk: Desk, entries: Sequence[dict[str, object]], now: datetime) -> None:
    """Write the log rows of some devices in the caller's transaction."""
    run(
        connection,
        "audit/log_device_steps",
        bulk_change_id=desk.claim.bulk_change_id,
        devices=as_json(entries),
        step=STEP,
        actor=desk.claim.actor,
        now=now,
    )


def stop_change(desk: Desk, device: Record, refused: RevioUnauthorized) -> None:
    """Stop the whole change: Rev.io refuses the credentials; nobody else of it is called."""
    log.error("Rev.io refuses the credentials of %s: %s", device["connection_id"], refused)
    now, reason = desk.clock(), refusal_text(refused)
    in_transaction(
        desk.engine, lambda connection: stop(connection, desk.claim, DeviceCode.REV_UNAUTHORIZED, reason, now=now)
    )

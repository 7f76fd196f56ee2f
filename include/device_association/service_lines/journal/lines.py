"""What is known of a SIM's line is written here: its intent, its mirror row, its log row, its row's end, together.

Each function is one transaction; which of two workers may write is decided by the conditional UPDATE in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum, auto
from threading import Lock
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding, is_past_deadline, stop, stop_if_failing
from device_association.database.dialects import utc_milliseconds
from device_association.database.execution import Record, as_json, changed, in_transaction, record, records, run
from device_association.domain.association_request import tenant_zone
from device_association.domain.codes import VALIDATION_CODES, DeviceCode, Row
from device_association.domain.errors import AssociationError, RevioOutcomeUnknown, RevioUnauthorized
from device_association.domain.sim_numbers import iccid_keys
from device_association.domain.storable_text import storable
from device_association.findings.store import Finding, FindingKind, report
from device_association.rate_limiting.limiter import SMALL, CallBudget
from device_association.revio.lines import SENT, Line
from device_association.revio.responses import NO_YEARS
from device_association.service_lines.lookups.snapshot import keep_lines
from device_association.service_lines.plan import Clients, customer_number, refusal_text
from device_association.settings import Settings

STEP = "create_rev_service"
REFUSALS = frozenset({DeviceCode.REV_REJECTED, DeviceCode.REV_PRODUCT_FAILED})
"""Codes of what Rev.io was asked for and refused: the abort rule looks at each of them."""
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
    STALE = "stale"
    """Not called: the last look at the SIM was too old, or a line was found meanwhile; it is looked at again."""


class LineChanged(AssociationError):
    """The last look before a call showed something else than the look before it: no call was made."""


Owning = Callable[[Connection, Record, int, datetime], str | None]
"""Records whose a line is, see `own_line`."""


class Settled(Enum):
    """Whether a line could be recorded as its SIM's."""

    DONE = auto()
    OTHER_SIM = auto()
    TOO_LATE = auto()


@dataclass(slots=True)
class LastLooks:
    """Answers of one question that many threads ask: each gets one whose asking began after it came."""

    _asking: Lock = field(default_factory=Lock)
    _begun: int = 0
    _answer: Future[tuple[bool, datetime]] | None = None

    def ask(self, question: Callable[[], tuple[bool, datetime]]) -> tuple[bool, datetime]:
        """Return what `question` returns, or raise what it raises, asked from now on by this thread or by another one."""
        begun_before = self._begun
        with self._asking:
            if self._begun == begun_before or self._answer is None:
                self._begun, self._answer = self._begun + 1, None
                answer: Future[tuple[bool, datetime]] = Future()
                try:
                    answer.set_result(question())
                except Exception as problem:
                    answer.set_exception(problem)
                self._answer = answer
            return self._answer.result()


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
    now_of: Callable[[datetime], datetime] | None = None
    """Returns the time by which leases are judged, given the database's; None: `clock` says it."""
    last_looks: LastLooks = field(default_factory=LastLooks)
    owner: str = field(default_factory=lambda: uuid4().hex)
    """Who owns the leases: this try alone, so that a try that was given up can't speak for the next one."""

    def is_late(self) -> bool:
        """Whether the change's deadline has passed: what is open now is not tried again."""
        with self.engine.connect() as connection:
            return is_past_deadline(connection, self.claim, self.clock())

    def look_before_call(self, device: Record) -> tuple[bool, datetime]:
        """Return whether the change was stopped, which ends no device whose products were begun, and the database's time.

        The last statement before a call, whatever became of this machine's clock meanwhile. Calls that are sent at the same
        time share it.
        """
        is_stopped, now = self.last_looks.ask(self._look)
        return is_stopped and not self.has_begun_product(device), now

    def _look(self) -> tuple[bool, datetime]:
        found = in_transaction(
            self.engine, lambda connection: record(connection, "service_lines/look_before_call", **self.claim.key)
        )
        assert found is not None, "the time is always one row"
        now = self.clock() if self.now_of is None else self.now_of(utc_milliseconds(found["now"]))
        return bool(found["is_stopped"]), now

    def has_begun_product(self, device: Record) -> bool:
        """Whether a product of the device was begun or ended: it is brought to its end even in a stopped change."""
        with self.engine.connect() as connection:
            return record(connection, "service_lines/find_begun_product", intent_id=device["intent_id"]) is not None

    def transact_holding(self, statement: str, **binds: object) -> int:
        """Run one conditional statement in a transaction that holds the claim; return how many rows it changed.

        Raises ClaimLost where the claim is gone.
        """
        return holding(
            self.engine, self.claim, self.clock(), lambda c: changed(c, statement, now=self.clock(), **binds)
        )

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
        slices = records(connection, "service_lines/list_slices", **claim.key)
    is_small = sum(one["devices"] for one in slices) <= SMALL
    return Desk(engine, claim, clients, settings, clock, budgets, is_small, now_of=lambda now: now)


def at_work(desk: Desk, device: Record) -> Record:
    """Return a device as it is worked on: with the moment, and the zone in which its account reads dates.

    An activation date that stands for none, as other programs write it, is none.
    """
    zone = desk.clients(device["connection_id"]).account.zone
    activated = device["activated_date"]
    is_none = activated is None or activated.year in NO_YEARS
    return {**device, "now": desk.clock(), "account_zone": zone, "activated_date": None if is_none else activated}


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


def differing_terms(device: Record, line: Line) -> list[str]:
    """Return where a line of the device's customer, who may have been renumbered since, is not as it is asked for now."""
    return line.differing_fields(line_body(device) | {"customer_id": line.customer_id})


def called_terms(device: Record) -> list[str]:
    """Return where the last call for a device's line asked for something else than the device's row asks for now."""
    called = json.loads(device["called_body"] or "null")
    asked = json.loads(as_json([line_body(device)]))[0]
    return [
        f"{name} {called.get(name) or 'none'} instead of {asked[name] or 'none'}"
        for name in (*SENT, "activated_date")
        if called and name != "customer_id" and called.get(name) != asked[name]
    ]


def end_body(device: Record) -> dict[str, object] | None:
    """Return the body of `DELETE /v1/Services` for one device; None where a line is to come and none to go."""
    ends = device.get("ends_service_id")
    return None if ends is None else {"service_id": ends, "effective_date": end_day(device)}


def end_day(device: Record) -> date:
    """Return the day on which a line or product ends: the account's today, whose midnight has passed at Rev.io."""
    now: datetime = device["now"]
    return now.astimezone(device["account_zone"]).date()


def line_dates(device: Record) -> dict[str, date | None]:
    """Return the dates of a line or product as the tenant's calendar has them; the effective date only with proration."""
    zone = tenant_zone(device["time_zone"])
    activated = device["activated_date"]
    effective = device["effective_date"] or activated or device["now"]
    return {
        "effective_date": effective.astimezone(zone).date() if device["prorate"] else None,
        "activated_date": activated and activated.astimezone(zone).date(),
    }


def own_line(connection: Connection, device: Record, service_id: int, now: datetime) -> str | None:
    """Record in the caller's transaction whose a line is; return what else to log, None where it is another SIM's."""
    account = {"account_id": device["account_id"], "service_id": service_id}
    run(connection, "service_lines/own_lines", lines=as_json([{**account, "number2": device["iccid"]}]), now=now)
    owner = record(connection, "service_lines/find_owner", **account)
    if owner is None or device["iccid"] not in iccid_keys(owner["iccid"]):
        return None
    if owner["iccid"] != device["iccid"]:  # the same SIM in another spelling, whose change gives the line up
        run(connection, "service_lines/give_line", iccid=device["iccid"], now=now, **account)
    return ""


def settle_line(
    desk: Desk, device: Record, service_id: int, outcome: Outcome, line: Line | None, *, own: Owning = own_line
) -> tuple[Outcome, int | None]:
    """Record the SIM's line, its mirror row and its log row in one transaction; a line of another SIM is refused.

    `own` records whose the line is.

    A line that comes too late is mirrored and logged as such, and RevioOutcomeUnknown is raised: the change was stopped
    or lost before the adoption, or the call outlived its lease and the SIM has another line by now. It is raised too when
    the answer to a call (then there is no `line`) names another SIM's line: what the call created is not known.
    """
    now = desk.clock()
    settled = in_transaction(
        desk.engine, lambda connection: _record_line(connection, desk, device, service_id, outcome, line, own, now)
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
            f"Rev.io shows line {service_id}, which belongs to another SIM; have it looked at in Rev.io, or name the line "
            "that is this SIM's",
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
    own: Owning,
    now: datetime,
) -> Settled:
    also = own(connection, device, service_id, now)
    if also is None:
        return Settled.OTHER_SIM
    said = _settled_text(device, service_id, outcome, line) + also
    settled = changed(
        connection,
        "service_lines/settle_line",
        intent_id=device["intent_id"],
        state=outcome.name,
        service_id=service_id,
        owner=desk.owner,
        run_id=desk.claim.run_id,
        detail=storable(said, 1000),
        now=now,
        **desk.claim.key,
    )
    known = record(connection, "service_lines/find_intent", intent_id=device["intent_id"])
    if not settled and (known is None or known["service_id"] != service_id):
        if outcome is not Outcome.CREATED:
            raise RevioOutcomeUnknown(f"line {service_id} could not be adopted for this SIM any more")
        _mirror(connection, desk, device, service_id, None, now)
        late = f"line {service_id} was created by a call that outlived its lease; have it looked at in Rev.io"
        log_devices(connection, desk, [log_entry(device, error=late)], now)
        return Settled.TOO_LATE
    _mirror(connection, desk, device, service_id, line if outcome is Outcome.ADOPTED else None, now)
    log_devices(connection, desk, [log_entry(device, response=said)], now)
    return Settled.DONE


def _settled_text(device: Record, service_id: int, outcome: Outcome, line: Line | None) -> str:
    """Say which line became the SIM's and how; of an adopted one also where it is not as it was asked for."""
    differing = differing_terms(device, line) if line and outcome is Outcome.ADOPTED else []
    return f"line {service_id} {outcome}" + (f"; at Rev.io it has {', '.join(differing)}" if differing else "")


def mirror_row(device: Record, service_id: int, line: Line | None = None) -> dict[str, object]:
    """Return a line as the billing mirror keeps it: as Rev.io shows it, or, where it was not shown yet, as it was asked for.

    The keys are those of `service_lines/insert_rev_services`.
    """
    body = line_body(device)
    whose = {"service_id": service_id, "customer_id": device["customer_id"], "account_id": device["account_id"]}
    names = ("number", "number2", "service_type_id", "provider_id", "usage_plan_group_id", "description")
    if line is None:
        return whose | {name: body[name] for name in names} | {"activated_date": device["activated_date"]}
    shown = {name: getattr(line, name) for name in names}
    return whose | shown | {"activated_date": line.activated, "disconnected_date": line.disconnected}


def _mirror(
    connection: Connection, desk: Desk, device: Record, service_id: int, line: Line | None, now: datetime
) -> None:
    mirrored, is_listed = as_json([mirror_row(device, service_id, line)]), int(line is not None)
    run(
        connection,
        "service_lines/insert_rev_services",
        lines=mirrored,
        is_listed=is_listed,
        actor=desk.claim.actor,
        now=now,
    )


def reject_line(
    desk: Desk, device: Record, code: DeviceCode, reason: str, *, was_called: bool = False, shown: Collection[Line] = ()
) -> Literal[Outcome.REJECTED, Outcome.UNKNOWN]:
    """End the SIM's intent and its row in one transaction; UNKNOWN: another worker is at it, or has called since.

    `shown` are the lines because of which it ends: they are kept with those that the account has shown, so that nobody gets
    a line for the SIM in another account.

    `was_called` says that this worker's own call was refused. A refusal that fulfils the abort rule stops the change in the
    same transaction, which no begin of a call can pass: all of them hold the change's state.
    """
    now = desk.clock()

    def reject(connection: Connection) -> bool:
        run(connection, "bulk_changes/lock_state", bulk_change_id=desk.claim.bulk_change_id)
        rejected = changed(
            connection,
            "service_lines/reject_intent",
            intent_id=device["intent_id"],
            was_called=int(was_called),
            owner=desk.owner,
            detail=storable(reason, 1000),
            now=now,
        )
        if rejected:
            if not _fail_row(connection, desk, device, code, reason, now):
                report(connection, [finding_about(desk, device, FindingKind.OUTCOME_AMBIGUOUS, reason)], now=now)
            keep_lines(connection, shown, account_id=device["account_id"], listed=now, shown=desk.clock())
            _stop_if_failing(connection, desk, code, now)
        return rejected > 0

    return Outcome.REJECTED if in_transaction(desk.engine, reject) else Outcome.UNKNOWN


def fail_device(desk: Desk, device: Record, code: DeviceCode, reason: str) -> None:
    """End one device as API_FAILED; its intent stays as it is. A refusal may stop the change, see `reject_line`."""
    now = desk.clock()

    def fail(connection: Connection) -> None:
        run(connection, "bulk_changes/lock_state", bulk_change_id=desk.claim.bulk_change_id)
        _fail_row(connection, desk, device, code, reason, now)
        _stop_if_failing(connection, desk, code, now)

    in_transaction(desk.engine, fail)


def _stop_if_failing(connection: Connection, desk: Desk, code: DeviceCode, now: datetime) -> None:
    if code in REFUSALS:
        rule = {"percent": desk.settings.abort_percent, "sample": desk.settings.abort_sample}
        stop_if_failing(connection, desk.claim, now=now, **rule)


def finding_about(desk: Desk, device: Record, kind: FindingKind, said: str) -> Finding:
    """Return a finding about the row of a device whose call was made."""
    return Finding(
        kind,
        f"row {device['row_id']}",
        f"SIM {device['iccid']}: {said}",
        account_id=device["account_id"],
        tenant_id=device["tenant_id"],
        bulk_change_id=desk.claim.bulk_change_id,
        iccid=device["iccid"],
    )


def _fail_row(connection: Connection, desk: Desk, device: Record, code: DeviceCode, reason: str, now: datetime) -> bool:
    """End one row with its log row and give its device back, in the caller's transaction; return False where it has ended.

    A code of the validation makes it ERROR, one of Rev.io API_FAILED.
    """
    details = f"{code}: {reason}"
    failed = changed(
        connection,
        "service_lines/fail_row",
        row_id=device["row_id"],
        status=Row.ERROR if code in VALIDATION_CODES else Row.API_FAILED,
        code=code,
        details=details,
        actor=desk.claim.actor,
        run_id=desk.claim.run_id,
        now=now,
        **desk.claim.key,
    )
    if failed:
        log_devices(connection, desk, [log_entry(device, error=details)], now)
        run(connection, "service_lines/release_hold", row_id=device["row_id"])
    return failed > 0


def log_entry(device: Record, *, response: str | None = None, error: str | None = None) -> dict[str, object]:
    """Return what the log tells of one device in this step: what was asked, and what came of it."""
    asked = {name: value for name, value in (end_body(device) or line_body(device)).items() if value is not None}
    return {"row_id": device["row_id"], "request": asked, "response": response, "error": error}


def log_devices(connection: Connection, desk: Desk, entries: Sequence[dict[str, object]], now: datetime) -> None:
    """Write the log rows of some devices in the caller's transaction."""
    run(
        connection,
        "service_lines/log_device_steps",
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

"""The per-device rules, over all rows of a change at once. Source: the domain contract, section 3.

`reject_devices` is the very same code at request time and in the running change; `read_payloads` and `reject_requests`
bring a change that the portal wrote itself, and the world that moved since, to the same starting line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding
from device_association.bulk_changes.closing import count_codes
from device_association.bulk_changes.locks import BulkChange, find_bulk_change
from device_association.bulk_changes.reverted_changes import find_reversal
from device_association.bulk_changes.steps import record_step
from device_association.database.batches import hold_devices, in_batches, row_batches
from device_association.database.execution import as_json, in_parts, only_row, rows, rows_per_statement, run
from device_association.domain.association_request import is_iccid, is_storable, local_to_utc
from device_association.domain.codes import DeviceCode, RequestCode
from device_association.domain.errors import Refusal
from device_association.requests.change_spec import Terms, TermsRow, from_row, read_payload
from device_association.requests.request_rules import Customer, find_facts, refusals

STEP = "validate_devices"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of a change are open, and how many final."""

    open_rows: int
    final_rows: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is to be refused, with the code and the reason."""

    row_id: int
    code: str
    details: str


@dataclass(frozen=True, slots=True)
class OpenIccid:
    """The ICCID of an open row; other programs may write none."""

    row_id: int
    iccid: str | None


@dataclass(frozen=True, slots=True)
class UnreadPayload:
    """An open row that the portal wrote itself, with its payload as JSON; None: it has none."""

    row_id: int
    payload: str | None


@dataclass(frozen=True, slots=True)
class RequestedDevice:
    """What a payload asks for its own device, as the statement reads it; dates in UTC."""

    row_id: int
    terms_hash: str
    effective_date: datetime | None
    activated_date: datetime | None


def validate_devices(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Refuse every device of the change that may not go on; return how many by code, and how many remain.

    One transaction: killed in the middle it leaves nothing, and a second run finds the refused rows final.
    """

    began = time.perf_counter()

    def validate(connection: Connection) -> dict[str, int]:
        read_payloads(connection, claim, now=now)
        batches = row_batches(connection, claim.bulk_change_id)
        in_batches(connection, "requests/resolve_devices", batches, bulk_change_id=claim.bulk_change_id)
        if not find_reversal(connection, claim.bulk_change_id).reverts:
            reject_requests(connection, claim, now=now)
        reject_devices(connection, claim.bulk_change_id, actor=claim.actor, now=now)
        counts = count_codes(connection, claim.bulk_change_id)
        record_step(connection, claim, STEP, counts, started=now, began=began)
        return counts

    return holding(engine, claim, now, validate)


def check_anew(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> RowCounts:
    """Let the rules decide about each open row of a change that is to start again; return how many are open and final."""
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "requests/resolve_devices", batches, bulk_change_id=bulk_change_id)
    reject_devices(connection, bulk_change_id, actor=actor, now=now)
    return count_rows(connection, bulk_change_id)


def count_rows(connection: Connection, bulk_change_id: int) -> RowCounts:
    """Return how many rows of a change are open, and how many final."""
    return only_row(connection, RowCounts, "requests/count_open", bulk_change_id=bulk_change_id)


def reject_devices(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows of a change that break a per-device rule, the first rule that matches; hold the others' devices.

    The devices are held after the rules about the device itself and before those about other operations, so that
    whoever holds a device decides about it.
    """
    if find_reversal(connection, bulk_change_id).reverts:
        reject_changed(connection, bulk_change_id, actor=actor, now=now)
        return
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    reject_rows(connection, bulk_change_id, _invalid_iccids(connection, bulk_change_id), actor=actor, now=now)
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "requests/reject_unassignable", batches, **about)
    in_batches(connection, "bulk_changes/release_holds", batches, bulk_change_id=bulk_change_id)
    hold_devices(connection, bulk_change_id, now=now)
    in_batches(connection, "requests/reject_held", batches, **about)
    reject_billed(connection, bulk_change_id, actor=actor, now=now)


def reject_billed(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows whose SIM somebody else bills or asks a line for; log every row ended now and free its device."""
    billed = rows(connection, RefusedRow, "requests/find_billed", bulk_change_id=bulk_change_id, now=now)
    reject_rows(connection, bulk_change_id, billed, actor=actor, now=now)
    _end_rejected(connection, bulk_change_id, actor, now)


def reject_changed(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows of a revert whose device is not as the first change left it; hold the others' devices.

    Held first, so that what is compared stays so. Whom a device could be given to does not count here: it goes back.
    """
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    hold_devices(connection, bulk_change_id, now=now)
    in_batches(connection, "requests/reject_held", row_batches(connection, bulk_change_id), **about)
    in_batches(connection, "requests/reject_changed", row_batches(connection, bulk_change_id), **about)
    _end_rejected(connection, bulk_change_id, actor, now)


def _end_rejected(connection: Connection, bulk_change_id: int, actor: str, now: datetime) -> None:
    """Log every row that was refused and free its device."""
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "bulk_changes/log_ended_rows", batches, step=STEP, **about)
    in_batches(connection, "bulk_changes/release_holds", batches, bulk_change_id=bulk_change_id)


def read_payloads(connection: Connection, claim: Claim, *, now: datetime) -> None:
    """Read the payloads that the portal wrote itself into our typed tables; a payload that is broken refuses its row."""
    change = find_bulk_change(connection, claim.bulk_change_id)
    zone = change.time_zone if change else None
    after = 0
    while unread := rows(
        connection,
        UnreadPayload,
        "requests/list_unread_payloads",
        bulk_change_id=claim.bulk_change_id,
        after_row_id=after,
        limit=rows_per_statement(connection),
    ):
        after = unread[-1].row_id
        terms: dict[str, Terms] = {}
        devices: list[RequestedDevice] = []
        broken: list[RefusedRow] = []
        for one in unread:
            try:
                payload = read_payload(one.payload or "")
                effective_date = _instant("effective_date", payload.effective_date, zone)
                activated_date = _instant("activated_date", payload.activated_date, zone)
            except ValueError as problem:
                broken.append(_broken(one.row_id, problem))
                continue
            terms_hash = str(payload.terms.binds["terms_hash"])
            terms[terms_hash] = payload.terms
            devices.append(RequestedDevice(one.row_id, terms_hash, effective_date, activated_date))
        for one_terms in terms.values():
            insert_terms(connection, claim.bulk_change_id, one_terms)
        run(
            connection,
            "requests/insert_requested_devices",
            bulk_change_id=claim.bulk_change_id,
            devices=as_json([asdict(one) for one in devices]),
        )
        reject_rows(connection, claim.bulk_change_id, broken, actor=claim.actor, now=now)


def insert_terms(connection: Connection, bulk_change_id: int, terms: Terms) -> None:
    """Keep what a change asks for its devices, once."""
    run(connection, "requests/insert_terms", bulk_change_id=bulk_change_id, **terms.binds)


def reject_requests(connection: Connection, claim: Claim, *, now: datetime) -> None:
    """Refuse the rows whose request as a whole may no longer go on: the customer was closed or deleted meanwhile, ..."""
    change = find_bulk_change(connection, claim.bulk_change_id)
    assert change is not None, "the change is claimed"
    for one in rows(connection, TermsRow, "requests/list_terms", bulk_change_id=claim.bulk_change_id):
        terms = from_row(one)
        found = _request_refusals(connection, terms, one, change, now)
        if found:
            in_batches(
                connection,
                "requests/reject_terms",
                row_batches(connection, claim.bulk_change_id),
                bulk_change_id=claim.bulk_change_id,
                terms_id=one.terms_id,
                code=found[0].code,
                details="; ".join(map(str, found)),
                actor=claim.actor,
                now=now,
            )


def reject_rows(
    connection: Connection, bulk_change_id: int, refused: Sequence[RefusedRow], *, actor: str, now: datetime
) -> None:
    """Mark the given rows as errors."""
    for part in in_parts(connection, refused):
        run(
            connection,
            "requests/reject_rows",
            bulk_change_id=bulk_change_id,
            refused=as_json([asdict(one) for one in part]),
            actor=actor,
            now=now,
        )


def _invalid_iccids(connection: Connection, bulk_change_id: int) -> list[RefusedRow]:
    return [
        RefusedRow(
            one.row_id,
            DeviceCode.INVALID_ICCID,
            f"INVALID_ICCID: {one.iccid!r} is no ICCID; it must be 18 to 22 digits",
        )
        for one in rows(connection, OpenIccid, "requests/list_open_iccids", bulk_change_id=bulk_change_id)
        if not is_iccid(one.iccid or "")
    ]


def _instant(field: str, date: datetime | None, zone: str | None) -> datetime | None:
    """Return a payload's date in UTC. Year 1, .NET's empty date, is none; one that the tables cannot keep is an error."""
    if date is None or date.year == 1:
        return None
    if not is_storable(date):
        raise ValueError(f"{field}: {date.isoformat()} is outside 1753 to 9998")
    return local_to_utc(date, zone)


def _broken(row_id: int, problem: ValueError) -> RefusedRow:
    details = f"INVALID_REQUEST: the stored payload of this device cannot be read: {problem}; send it again"
    return RefusedRow(row_id, RequestCode.INVALID_REQUEST, details)


def _request_refusals(
    connection: Connection, terms: Terms, asked: TermsRow, change: BulkChange, now: datetime
) -> list[Refusal]:
    if asked.customer_number is None:
        gone = f"customer {terms.rev_customer_id} was deleted since the request; choose another customer"
        return [Refusal(RequestCode.CUSTOMER_NOT_FOUND, "RevCustomerId", gone)]
    customer = Customer(
        customer_id=terms.rev_customer_id,
        number=asked.customer_number,
        name=asked.customer_name or "",
        status=asked.customer_status,
        close_date=asked.customer_close_date,
        account_id=asked.account_id,
        site_id=asked.site_id,
        is_accessible=True,
    )
    facts = find_facts(
        connection,
        terms,
        tenant_id=change.tenant_id,
        service_provider_id=change.service_provider_id,
        account_id=customer.account_id,
    )
    return refusals(terms, customer, facts, tenant=change.tenant_name, now=now)

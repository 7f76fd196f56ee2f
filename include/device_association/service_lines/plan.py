"""Plans a change's calls to Rev.io: existing lines looked at in bulk, one intent per SIM, slices for the mapped tasks.

All of it is written in one transaction: killed in the middle, the next run starts over and nobody was called.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding, is_stopped, record_step, stop
from device_association.bulk_changes.reverted_changes import find_reversal
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import Record, as_json, in_parts, record, records, run
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import ConfigurationError, RevioRejected, RevioUnauthorized
from device_association.domain.storable_text import storable
from device_association.requests.validation import reject_billed, reject_changed, reject_rows
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line, Sim, ending_text
from device_association.revio.responses import spelled_id
from device_association.service_lines.lookups.account import AccountLooks, keep_known, match, shown_before
from device_association.service_lines.lookups.snapshot import ListShifts, RevAccount
from device_association.settings import Settings

STEP = "plan_rev_services"
LEAST_TIME = timedelta(hours=2)
"""What a change has beside twice the time that the account's budget needs for its devices: the domain contract, section 4."""
SLICES_AT_ONCE = 4
"""How many slices of a change are worked on at the same time; more would keep the workers from other changes."""
log = logging.getLogger(__name__)
Clients = Callable[[str], RevioClient]
"""Gives the client of the Rev.io account behind a connection id."""


@dataclass(frozen=True, slots=True)
class CustomerLook:
    """What Rev.io shows of one customer's lines. `looked`: since when; None: each SIM is looked up before its call."""

    customer_id: UUID
    account_id: int
    looked: datetime | None
    lines: tuple[Line, ...] = ()


def plan_rev_services(
    engine: Engine, claim: Claim, clients: Clients, settings: Settings, *, clock: Callable[[], datetime]
) -> list[int]:
    """Return the numbers of the slices whose devices want a line, or of a revert: are to lose theirs; empty when none do.

    Devices that another change took since the validation are refused here, by the same rule. Refused credentials stop the
    change; one that is stopped is not planned. A second run keeps the slices of the first, so that a map index always means
    the same devices. Raises RevioRetryable and StepUnfinished while an account cannot be looked at: the deadline counts from
    the first try.
    """
    now, began = clock(), time.perf_counter()
    if is_stopped(engine, claim):
        stored = holding(
            engine, claim, now, lambda connection: records(connection, "service_lines/list_slices", **claim.key)
        )
        return [one["slice_number"] for one in stored]
    with engine.connect() as connection:
        ends = find_reversal(connection, claim.bulk_change_id).reverts is not None
        list_customers = "service_lines/list_disconnect_customers" if ends else "service_lines/list_customers"
        customers = records(connection, list_customers, bulk_change_id=claim.bulk_change_id)
    if customers:
        first = {"deadline": now + LEAST_TIME, "connection_id": customers[0]["connection_id"], "is_first": 1}
        holding(engine, claim, now, lambda c: run(c, "service_lines/set_deadline", **first, **claim.key))
    try:
        seen = [] if ends else _look_at(engine, claim, clients, settings, customers, clock)
        gone, moved = ([], []) if ends else _lost_lines(engine, claim, clients, settings, seen, now)
    except RevioUnauthorized as refused:
        log.error("%s", refused)
        said = refusal_text(refused)
        holding(engine, claim, now, lambda c: stop(c, claim, DeviceCode.REV_UNAUTHORIZED, said, now=clock()))
        return []

    def plan(connection: Connection) -> list[int]:
        planned = _want_ends(connection, claim, now) if ends and customers else 0
        if gone:
            mirrored = {"actor": claim.actor, "now": now}
            run(connection, "service_lines/end_mirror_lines", lines=as_json(gone), **mirrored)
            run(connection, "service_lines/forget_disconnected_lines", lines=as_json(gone), now=now)
        reject_rows(connection, claim.bulk_change_id, moved, actor=claim.actor, now=now)
        if seen:
            planned = _want_lines(connection, claim, seen, now)
        slices = _slices(connection, claim, settings, customers[0]["connection_id"] if customers else None, now)
        counts = {"listed_lines": sum(len(one.lines) for one in seen), "planned": planned, "slices": len(slices)}
        record_step(connection, claim, STEP, counts, started=now, began=began)
        return slices

    return holding(engine, claim, now, plan)


def looks_at(
    engine: Engine, clients: Clients, account: Record, settings: Settings, clock: Callable[[], datetime]
) -> AccountLooks:
    """Return what looks at the Rev.io account of a row with account_id, connection_id and tenant_id."""
    connection_id = account["connection_id"]
    named = RevAccount(account["account_id"], connection_id, connection_id, account["tenant_id"])
    return AccountLooks(engine, clients(connection_id), named, clock, timedelta(seconds=settings.rev_settle_seconds))


def _look_at(
    engine: Engine,
    claim: Claim,
    clients: Clients,
    settings: Settings,
    customers: Sequence[Record],
    clock: Callable[[], datetime],
) -> list[CustomerLook]:
    """Look at what Rev.io shows of each customer, in as few calls as that takes."""
    seen = []
    for customer in customers:
        number = customer_number(customer["number"])
        account = looks_at(engine, clients, customer, settings, clock)
        about = {"customer_id": customer["customer_id"], "bulk_change_id": claim.bulk_change_id}
        with engine.connect() as connection:
            sims = [
                Sim(one["iccid"], one["msisdn"]) for one in records(connection, "service_lines/list_wanted", **about)
            ]
        key = (customer["customer_id"], customer["account_id"])
        if account.look_ups_are_fewer(number, sims):
            seen.append(CustomerLook(*key, looked=None))
            continue
        looked, began = account.refresh(), clock()
        try:
            lines = [] if account.is_just_listed() else account.customer_lines(number)
        except ListShifts:
            if not all(map(account.finds, sims)):
                raise
            seen.append(CustomerLook(*key, looked=None))
            continue
        seen.append(CustomerLook(*key, looked=min(began, looked or began), lines=tuple(lines)))
    return seen


def _lost_lines(
    engine: Engine, claim: Claim, clients: Clients, settings: Settings, seen: Sequence[CustomerLook], now: datetime
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return what became of lines that an earlier try settled: those that Rev.io has disconnected, and those that moved.

    The first are intents with the date of that, whose SIMs get another line. The others are rows to refuse: their line is
    another customer's now, has another SIM, is to be disconnected, or is not shown. One that was just made may not be
    shown yet: it is not missed before the settle time has passed.
    """
    before = now - timedelta(seconds=settings.rev_settle_seconds)
    with engine.connect() as connection:
        settled = records(connection, "service_lines/list_settled", bulk_change_id=claim.bulk_change_id, before=before)
    shown = {(look.account_id, line.service_id): line for look in seen for line in look.lines}
    gone: list[dict[str, object]] = []
    moved: list[dict[str, object]] = []
    for one in settled:
        sim = None if one["is_named"] else Sim(one["iccid"], one["msisdn"])
        line = shown.get((one["account_id"], one["service_id"]))
        if why_not_ours(line, sim, customers_of(one)) or (line and line.disconnected):
            try:
                line = clients(one["connection_id"]).line(one["service_id"])
            except RevioRejected as refused:
                said = (
                    f"line {one['service_id']} was this SIM's in an earlier try, and Rev.io does not show it: {refused}"
                )
                moved.append(_refused(one, DeviceCode.REV_LINE_AMBIGUOUS, said))
                continue
        if line is None or not line.is_active(now):
            ended = line.disconnected if line else now
            gone.append({"intent_id": one["intent_id"], "disconnected": ended})
        elif why := why_not_ours(line, sim, customers_of(one)):
            is_moved = line.customer_id is not None and line.customer_id not in customers_of(one)
            code = DeviceCode.REV_LINE_OF_OTHER_CUSTOMER if is_moved else DeviceCode.REV_LINE_AMBIGUOUS
            said = f"line {line} was this SIM's in an earlier try, and {why}; correct it in Rev.io, then retry"
            moved.append(_refused(one, code, said))
        elif line.disconnected:
            moved.append(_refused(one, DeviceCode.REV_LINE_AMBIGUOUS, ending_text(line)))
    return gone, moved


def _refused(row_of: Record, code: DeviceCode, said: str) -> dict[str, object]:
    return {"row_id": row_of["row_id"], "code": code, "details": storable(f"{code}: {said}", 1000)}


def _want_lines(connection: Connection, claim: Claim, seen: Sequence[CustomerLook], now: datetime) -> int:
    """Write the intents of lines that are to come, and return how many; refuse the devices that somebody took since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    planned = 0
    for customer in seen:
        whose = {"customer_id": customer.customer_id, "looked": customer.looked}
        in_batches(connection, "service_lines/take_over_intents", batches, **whose, **about)
        planned += in_batches(connection, "service_lines/insert_intents", batches, **whose, **about)
    reject_billed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    in_batches(connection, "bulk_changes/abandon_planned", batches, **about)
    _keep_known(connection, claim, seen)
    return planned


def _keep_known(connection: Connection, claim: Claim, seen: Sequence[CustomerLook]) -> None:
    """Keep which lines may be which SIMs': those of the customers' lists, and those that the accounts showed before."""
    planned: dict[UUID, dict[int, Sim]] = {}
    for one in records(connection, "service_lines/list_planned", bulk_change_id=claim.bulk_change_id):
        planned.setdefault(one["customer_id"], {})[one["intent_id"]] = Sim(one["iccid"], one["msisdn"])
    run(connection, "service_lines/delete_known", bulk_change_id=claim.bulk_change_id)
    for customer in seen:
        sims = planned.get(customer.customer_id, {})
        keep_known(connection, match(customer.lines, sims), needs_check=False)
        listed = {line.key for line in customer.lines}
        for ids in in_parts(connection, list(sims)):
            part = {intent_id: sims[intent_id] for intent_id in ids}
            shown = shown_before(connection, customer.account_id, part.values())
            keep_known(connection, match((line for line in shown if line.key not in listed), part), needs_check=True)


def _want_ends(connection: Connection, claim: Claim, now: datetime) -> int:
    """Write the intents of lines that are to go, with their products, and return how many; refuse what was changed since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    reject_changed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    planned = in_batches(connection, "service_lines/insert_disconnect_intents", batches, **about)
    in_batches(connection, "service_lines/carry_products", batches, **about)
    in_batches(connection, "service_lines/plan_product_disconnects", batches, **about)
    in_batches(connection, "bulk_changes/abandon_planned", batches, **about)
    return planned


def refusal_text(refused: RevioUnauthorized) -> str:
    """Return what a person does about refused credentials; the error names the connection."""
    return f"{refused}"[:400] + "; correct the connection, then retry"


def customers_of(device: Record) -> frozenset[int]:
    """Return the numbers that the device's customer has at Rev.io now, and had when the SIM was called for."""
    called = json.loads(device["called_body"]) if device.get("called_body") else {}
    return frozenset({customer_number(device["customer_number"]), *filter(None, [called.get("customer_id")])})


def why_not_ours(line: Line | None, sim: Sim | None, customers: Collection[int]) -> str | None:
    """Return why a line is not known to be a SIM's of these customers as Rev.io shows it now; None: it is.

    Without a SIM only the customer counts.
    """
    if line is None:
        return "Rev.io does not show it"
    if line.customer_id not in customers:
        return f"it is customer {line.customer_id}'s now"
    if sim is not None and not sim.may_have(line):
        return f"it has SIM {line.number2 or line.number} now"
    return None


def cut(row_ids: Sequence[int], *, most_slices: int, fewest_devices: int) -> Iterator[dict[str, int]]:
    """Yield the slices of a change: one device each while they are few, else ranges of at least `fewest_devices`.

    They make whole rounds of those that are worked on at the same time, so that none is alone at the end.
    """
    size = 1 if len(row_ids) <= most_slices else max(fewest_devices, ceil(len(row_ids) / most_slices))
    if size > 1:
        rounds = len(row_ids) // (size * SLICES_AT_ONCE)
        size = ceil(len(row_ids) / (rounds * SLICES_AT_ONCE)) if rounds else size
    for number, start in enumerate(range(0, len(row_ids), size)):
        part = row_ids[start : start + size]
        yield {"slice_number": number, "first_row_id": part[0], "last_row_id": part[-1], "devices": len(part)}


def customer_number(number: str) -> int:
    """Return the customer's number as Rev.io wants it, or raise ConfigurationError that names it."""
    found = spelled_id(number)
    if found is None:
        raise ConfigurationError(
            f"customer number {number!r} is not a number that Rev.io gives its customers; correct RevCustomer"
        )
    return found


def _slices(
    connection: Connection, claim: Claim, settings: Settings, connection_id: str | None, now: datetime
) -> list[int]:
    """Return the slices of this retry, cut once; the deadline counts from then."""
    stored = records(connection, "service_lines/list_slices", **claim.key)
    if stored or connection_id is None:
        return [one["slice_number"] for one in stored]
    wanted = records(connection, "service_lines/list_rows", bulk_change_id=claim.bulk_change_id)
    slices = list(
        cut(
            [one["row_id"] for one in wanted],
            most_slices=settings.max_mapped_tasks,
            fewest_devices=settings.slice_devices,
        )
    )
    run(connection, "service_lines/insert_slices", slices=as_json(slices), **claim.key)
    limit = record(connection, "service_lines/find_limit", connection_id=connection_id)
    budget_time = timedelta(minutes=len(wanted) / limit["calls_per_minute"]) if limit else timedelta()
    deadline = now + LEAST_TIME + 2 * budget_time
    until = {"deadline": deadline, "connection_id": connection_id, "is_first": 0}
    run(connection, "service_lines/set_deadline", **until, **claim.key)
    return [one["slice_number"] for one in slices]

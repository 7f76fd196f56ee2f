"""Plans a change's calls to Rev.io: existing lines looked at in bulk, one intent per SIM, slices for the mapped tasks.

All of it is written in one transaction: killed in the middle, the next run starts over and nobody was called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding
from device_association.bulk_changes.reverts import find_revert
from device_association.bulk_changes.steps import record_step
from device_association.bulk_changes.stops import is_stopped, stop
from device_association.database import statistics
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import in_parts, rows, run
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import RevioUnauthorized
from device_association.requests.device_rules import reject_billed, reject_changed
from device_association.revio.lines import Line
from device_association.revio.sims import Sim
from device_association.service_lines.context import Clients, list_slices
from device_association.service_lines.devices import customer_number
from device_association.service_lines.journal.entries import refusal_text
from device_association.service_lines.lookups.account import looks_at
from device_association.service_lines.lookups.known import keep_known, match, shown_before
from device_association.service_lines.lookups.snapshot import ListShifts, RevAccount
from device_association.service_lines.lost_lines import LostLines, find_lost_lines, list_settled
from device_association.service_lines.slices import MIN_TIME, set_deadline, store_slices
from device_association.settings import Settings

STEP = "plan_rev_services"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer for whom a change calls, with its account.

    A row of `service_lines/list_customers` and of `service_lines/list_disconnect_customers`.
    """

    customer_id: UUID
    number: str
    account_id: int
    connection_id: str
    tenant_id: int


@dataclass(frozen=True, slots=True)
class WantedSim:
    """A SIM for which a change wants a line, as `service_lines/list_wanted` returns it."""

    iccid: str
    msisdn: str | None


@dataclass(frozen=True, slots=True)
class PlannedSim:
    """A SIM for which a change is to call, with its customer, as `service_lines/list_planned` returns it."""

    intent_id: int
    iccid: str
    msisdn: str | None
    customer_id: UUID


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
        stored = holding(engine, claim, now, lambda connection: list_slices(connection, claim))
        return [one.slice_number for one in stored]
    with engine.connect() as connection:
        is_revert = find_revert(connection, claim.bulk_change_id).reverts is not None
        customers = rows(
            connection,
            Customer,
            "service_lines/list_disconnect_customers" if is_revert else "service_lines/list_customers",
            bulk_change_id=claim.bulk_change_id,
        )
    connection_id = customers[0].connection_id if customers else None
    if connection_id is not None:
        until = now + MIN_TIME
        holding(engine, claim, now, lambda c: set_deadline(c, claim, connection_id, until, is_first=True))
    seen, lost = [], LostLines()
    try:
        if not is_revert:
            seen = _look_at(engine, claim, clients, settings, customers, clock)
            lost = _lost_lines(engine, claim, clients, settings, seen, now)
    except RevioUnauthorized as refused:
        log.error("%s", refused)
        said = refusal_text(refused)
        holding(engine, claim, now, lambda c: stop(c, claim, DeviceCode.REV_UNAUTHORIZED, said, now=clock()))
        return []

    def plan(connection: Connection) -> list[int]:
        if is_revert:
            planned = _plan_disconnects(connection, claim, now) if customers else 0
        else:
            lost.write(connection, claim, now)
            planned = _plan_creations(connection, claim, seen, now) if seen else 0
        slices = store_slices(connection, claim, settings, connection_id, now)
        counts = {"listed_lines": sum(len(one.lines) for one in seen), "planned": planned, "slices": len(slices)}
        record_step(connection, claim, STEP, counts, started=now, began=began)
        return slices

    return holding(engine, claim, now, plan)


def _look_at(
    engine: Engine,
    claim: Claim,
    clients: Clients,
    settings: Settings,
    customers: Sequence[Customer],
    clock: Callable[[], datetime],
) -> list[CustomerLook]:
    """Look at what Rev.io shows of each customer, in as few calls as that takes."""
    seen = []
    for customer in customers:
        number = customer_number(customer.number)
        named = RevAccount(customer.account_id, customer.connection_id, customer.connection_id, customer.tenant_id)
        account = looks_at(engine, clients, named, settings, clock)
        about = {"customer_id": customer.customer_id, "bulk_change_id": claim.bulk_change_id}
        with engine.connect() as connection:
            wanted = rows(connection, WantedSim, "service_lines/list_wanted", **about)
        sims = [Sim(one.iccid, one.msisdn) for one in wanted]
        key = (customer.customer_id, customer.account_id)
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
) -> LostLines:
    """Return what became of lines that an earlier try settled.

    One that was just made may not be shown yet: it is not missed before the settle time has passed.
    """
    before = now - timedelta(seconds=settings.rev_search_lag_seconds)
    with engine.connect() as connection:
        settled = list_settled(connection, claim.bulk_change_id, before)
    shown = {(look.account_id, line.service_id): line for look in seen for line in look.lines}
    return find_lost_lines(settled, lambda *key: shown.get(key), clients, now)


def _plan_creations(connection: Connection, claim: Claim, seen: Sequence[CustomerLook], now: datetime) -> int:
    """Write the intents of lines that are to come, and return how many; refuse the devices that somebody took since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    planned = 0
    for customer in seen:
        whose = {"customer_id": customer.customer_id, "looked": customer.looked}
        in_batches(connection, "service_lines/take_over_intents", batches, **whose, **about)
        planned += in_batches(connection, "service_lines/insert_intents", batches, **whose, **about)
    statistics.analyze(connection, statistics.INTENTS, new_rows=planned)
    reject_billed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    in_batches(connection, "bulk_changes/abandon_planned", batches, **about)
    _keep_known(connection, claim, seen)
    return planned


def _keep_known(connection: Connection, claim: Claim, seen: Sequence[CustomerLook]) -> None:
    """Keep which lines may be which SIMs': those of the customers' lists, and those that the accounts showed before."""
    planned: dict[UUID, dict[int, Sim]] = {}
    for one in rows(connection, PlannedSim, "service_lines/list_planned", bulk_change_id=claim.bulk_change_id):
        planned.setdefault(one.customer_id, {})[one.intent_id] = Sim(one.iccid, one.msisdn)
    run(connection, "service_lines/delete_known", bulk_change_id=claim.bulk_change_id)
    for customer in seen:
        sims = planned.get(customer.customer_id, {})
        keep_known(connection, match(customer.lines, sims), needs_check=False)
        listed = {line.key for line in customer.lines}
        for ids in in_parts(connection, list(sims)):
            part = {intent_id: sims[intent_id] for intent_id in ids}
            shown = shown_before(connection, customer.account_id, part.values())
            keep_known(connection, match((line for line in shown if line.key not in listed), part), needs_check=True)


def _plan_disconnects(connection: Connection, claim: Claim, now: datetime) -> int:
    """Write the intents of lines that are to go, with their products, and return how many; refuse what was changed since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    reject_changed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    planned = in_batches(connection, "service_lines/insert_disconnect_intents", batches, **about)
    statistics.analyze(connection, statistics.INTENTS, new_rows=planned)
    in_batches(connection, "service_lines/carry_products", batches, **about)
    in_batches(connection, "service_lines/plan_product_disconnects", batches, **about)
    in_batches(connection, "bulk_changes/abandon_planned", batches, **about)
    return planned

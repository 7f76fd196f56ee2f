"""Plans a change's calls to Rev.io: existing lines listed in bulk, one intent per SIM, slices for the mapped tasks.

All of it is written in one transaction: killed in the middle, the next run starts over and nobody was called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection, Engine

from device_association.batches import in_batches, row_batches
from device_association.claims import Claim, holding, record_step, stop
from device_association.codes import DeviceCode
from device_association.database import Record, as_json, row, rows, run
from device_association.errors import ConfigurationError, RevioUnauthorized
from device_association.reverted_changes import find_reversal
from device_association.revio import Line, RevioClient
from device_association.settings import Settings
from device_association.validation import reject_billed, reject_changed

STEP = "plan_rev_services"
LEAST_TIME = timedelta(hours=2)
"""What a change has beside twice the time that the account's budget needs for its devices: the domain contract, section 4."""
SLICES_AT_ONCE = 4
"""How many slices of a change are worked on at the same time; more would keep the workers from other changes."""
log = logging.getLogger(__name__)
Clients = Callable[[str], RevioClient]
"""Gives the client of the Rev.io account behind a connection id."""


def plan_rev_services(
    engine: Engine, claim: Claim, clients: Clients, settings: Settings, *, now: datetime
) -> list[int]:
    """Return the numbers of the slices whose devices want a line, or of a revert: are to lose theirs; empty when none do.

    Devices that another change took since the validation are refused here, by the same rule. Refused credentials stop the
    change. A second run keeps the slices of the first, so that a map index always means the same devices.
    """
    began = time.perf_counter()
    with engine.connect() as connection:
        ends = find_reversal(connection, claim.bulk_change_id).reverts is not None
        list_customers = "reversals/list_customers" if ends else "intents/list_customers"
        customers = rows(connection, list_customers, bulk_change_id=claim.bulk_change_id)
    try:
        lines = [line for customer in customers for line in _active_lines(clients, customer, now)]
    except RevioUnauthorized as refused:
        log.error("%s", refused)
        said = refusal_text(refused)
        holding(engine, claim, now, lambda c: stop(c, claim, DeviceCode.REV_UNAUTHORIZED, said, now=now))
        return []

    def plan(connection: Connection) -> list[int]:
        run(connection, "lines/delete_listed", **claim.key)
        if lines:
            run(connection, "lines/insert_listed", lines=as_json(lines), **claim.key)
        want = _want_ends if ends else _want_lines
        planned = want(connection, claim, now) if customers else 0
        slices = _slices(connection, claim, settings, customers[0]["connection_id"] if customers else None, now)
        counts = {"listed_lines": len(lines), "planned": planned, "slices": len(slices)}
        record_step(connection, claim, STEP, counts, started=now, began=began)
        return slices

    return holding(engine, claim, now, plan)


def _want_lines(connection: Connection, claim: Claim, now: datetime) -> int:
    """Write the intents of lines that are to come, and return how many; refuse the devices that somebody took since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    in_batches(connection, "intents/take_over_intents", batches, **about)
    planned = in_batches(connection, "intents/insert_intents", batches, **about)
    reject_billed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    in_batches(connection, "intents/abandon_planned", batches, **about)
    return planned


def _want_ends(connection: Connection, claim: Claim, now: datetime) -> int:
    """Write the intents of lines that are to go, with their products, and return how many; refuse what was changed since."""
    batches, about = row_batches(connection, claim.bulk_change_id), {"bulk_change_id": claim.bulk_change_id, "now": now}
    reject_changed(connection, claim.bulk_change_id, actor=claim.actor, now=now)
    planned = in_batches(connection, "reversals/insert_intents", batches, **about)
    in_batches(connection, "reversals/carry_products", batches, **about)
    in_batches(connection, "reversals/plan_products", batches, **about)
    in_batches(connection, "intents/abandon_planned", batches, **about)
    return planned


def refusal_text(refused: RevioUnauthorized) -> str:
    """Return what a person does about refused credentials; the error names the connection."""
    return f"{refused}"[:400] + "; correct the connection, then retry"


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
    try:
        return int(number)
    except ValueError:
        raise ConfigurationError(
            f"customer number {number!r} is no whole number, Rev.io knows no such customer; correct RevCustomer"
        ) from None


def _active_lines(clients: Clients, customer: Record, now: datetime) -> Iterator[dict[str, object]]:
    number = customer_number(customer["number"])
    line: Line
    for line in clients(customer["connection_id"]).lines(customer_id=number):
        if line.customer_id == number and line.is_active(now):
            yield {
                "service_id": line.service_id,
                "number": line.number,
                "number2": line.number2,
                "created": line.created,
            }


def _slices(
    connection: Connection, claim: Claim, settings: Settings, connection_id: str | None, now: datetime
) -> list[int]:
    """Return the slices of this retry, cut once; the deadline counts from then."""
    stored = rows(connection, "intents/list_slices", **claim.key)
    if stored or connection_id is None:
        return [one["slice_number"] for one in stored]
    wanted = rows(connection, "intents/list_rows", bulk_change_id=claim.bulk_change_id)
    slices = list(
        cut(
            [one["row_id"] for one in wanted],
            most_slices=settings.max_mapped_tasks,
            fewest_devices=settings.slice_devices,
        )
    )
    run(connection, "intents/insert_slices", slices=as_json(slices), **claim.key)
    limit = row(connection, "budgets/find_limit", connection_id=connection_id)
    budget_time = timedelta(minutes=len(wanted) / limit["calls_per_minute"]) if limit else timedelta()
    deadline = now + LEAST_TIME + 2 * budget_time
    run(connection, "claims/set_deadline", deadline=deadline, connection_id=connection_id, **claim.key)
    return [one["slice_number"] for one in slices]

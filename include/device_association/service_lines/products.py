"""Adds the products of a line, each a step with an outcome of its own; a repeated run makes only the missing ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from device_association.database.execution import Record, as_json, changed, in_transaction, records, run
from device_association.domain.errors import (
    AssociationError,
    RecordUnreadable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.domain.storable_text import storable
from device_association.revio.client import Product, RevioClient
from device_association.revio.lines import Sim
from device_association.service_lines.journal.lines import Desk, LineChanged, line_dates
from device_association.service_lines.lookups.account import LOOK_LASTS
from device_association.service_lines.plan import customer_number, customers_of, why_not_ours

KNOWN = frozenset({"CREATED", "ADOPTED"})
"""States of a product that the line has."""


class ProductFailed(AssociationError):
    """Rev.io refused a product: the line stays, its device is not associated, a retry makes the missing products."""


def create_products(desk: Desk, client: RevioClient, device: Record, service_id: int, *, adopted: bool) -> None:
    """Add the products that the request names and the line does not have yet; raise ProductFailed when one is refused.

    What an adopted line has already, and what a call made whose outcome was lost, is looked up once, before any call.
    """
    wanted = json.loads(device["rev_product_id_list"])
    if not wanted:
        return
    missing = [step for step in _steps(desk, device, wanted) if step["state"] not in KNOWN]
    lost = any(step["state"] == "CALLING" for step in missing)
    asked = desk.clock()
    try:
        on_line = look_up_products(desk, client, device, service_id) if missing and (adopted or lost) else []
    except RecordUnreadable as problem:
        raise ProductFailed(
            f"line {service_id} is there, but which products it has cannot be read: {problem}, then retry"
        ) from problem
    there = {product.product_id: product.service_product_id for product in on_line}
    for step in missing:
        if step["state"] == "CALLING" and step["lease_until"] > asked:
            raise RevioOutcomeUnknown(f"product {step['product_id']} of line {service_id}: a call may still be out")
        if step["product_id"] in there:
            state = "ADOPTED" if adopted and step["state"] != "CALLING" else "CREATED"
            _settle(desk, device, service_id, step, there[step["product_id"]], state)
        else:
            _create(desk, client, device, service_id, step, asked)


def look_up_products(desk: Desk, client: RevioClient, device: Record, service_id: int) -> list[Product]:
    """Return the products that the line has. While Rev.io cannot be asked, no lost call counts as settled."""
    try:
        return list(client.products(service_id))
    except RevioRetryable:
        lease_until = desk.clock() + timedelta(seconds=_lease_seconds(desk))
        desk.transact("service_lines/doubt_products", intent_id=device["intent_id"], lease_until=lease_until)
        raise


def _steps(desk: Desk, device: Record, wanted: list[int]) -> Sequence[Record]:
    rates = json.loads(device["rate_list"])
    products = [{"product_id": product, "rate": rate} for product, rate in zip(wanted, rates, strict=True)]
    desk.transact("service_lines/plan_products", intent_id=device["intent_id"], products=as_json(products))
    return list_product_steps(desk, device)


def list_product_steps(desk: Desk, device: Record) -> Sequence[Record]:
    """Return the products that are to be added to a line, or ended, with their outcomes."""
    with desk.engine.connect() as connection:
        return records(connection, "service_lines/list_product_steps", intent_id=device["intent_id"])


def _create(
    desk: Desk, client: RevioClient, device: Record, service_id: int, step: Record, looked_up: datetime
) -> None:
    product = step["product_id"]
    try:
        lease_until = lease_product(
            desk,
            client,
            device,
            service_id,
            step,
            looked_up,
            begin="service_lines/begin_product",
            line_seen=device["settled"],
        )
    except LineChanged as changed_line:
        raise ProductFailed(
            f"{changed_line}; its product {product} was not added; correct it, then retry"
        ) from changed_line
    if lease_until is None:
        raise RevioOutcomeUnknown(f"product {product} of line {service_id}: another worker or run is at it")
    try:
        created = client.create_product(_body(device, service_id, step))
    except RevioRejected as refused:
        record_product(desk, device, product, "REJECTED", lease_until, detail=str(refused))
        raise ProductFailed(
            f"line {service_id} is there, but Rev.io refused its product {product}: {refused}; correct it, then retry"
        ) from refused
    except (RevioRetryable, RevioUnauthorized):
        record_product(desk, device, product, "PLANNED", lease_until, detail="turned away")
        raise
    _settle(desk, device, service_id, step, created, "CREATED")


def lease_product(
    desk: Desk,
    client: RevioClient,
    device: Record,
    service_id: int,
    step: Record,
    looked_up: datetime,
    *,
    begin: str,
    line_seen: datetime,
) -> datetime | None:
    """Take the lease of a product's call once the account has room for it, by the statement `begin`; return its end.

    None: another has it, or had it since the look-up, or the call may not be made. A line that was seen too long ago is
    looked at first: LineChanged where it is not the SIM's any more. Raises RevioOutcomeUnknown when the lease could end
    before the call: another may be at it by then.
    """
    if budget := desk.budgets(device["connection_id"]):
        budget.wait_for_call()
    if desk.clock() - line_seen > LOOK_LASTS:
        is_named = device["named_service_id"] == service_id
        sim = None if is_named else Sim(device["iccid"], device["msisdn"])
        why = why_not_ours(client.line(service_id), sim, customers_of(device))
        if why is not None:
            raise LineChanged(f"line {service_id}: {why}")
    seconds = _lease_seconds(desk)
    send_by = desk.clock() + timedelta(seconds=seconds - desk.settings.rev_call_seconds)
    lease_until = desk.clock() + timedelta(seconds=seconds)
    begun = desk.transact_holding(
        begin,
        intent_id=device["intent_id"],
        product_id=step["product_id"],
        was_calling=int(step["state"] == "CALLING"),
        looked_up=looked_up,
        lease_until=lease_until,
        run_id=desk.claim.run_id,
        **desk.claim.key,
    )
    if begun and desk.look_before_call(device)[1] > send_by:
        said = f"product {step['product_id']} of line {service_id}: no call was made, its time was up before"
        raise RevioOutcomeUnknown(said)
    return lease_until if begun else None


def _lease_seconds(desk: Desk) -> float:
    """Return how long a product's call is leased.

    The lease outlasts the settle time: a product that a look-up after its end did not show is certainly not there.
    """
    return max(desk.settings.rev_lease_seconds, desk.settings.rev_call_seconds + desk.settings.rev_settle_seconds)


def _body(device: Record, service_id: int, step: Record) -> dict[str, object]:
    """Return the body of `POST /v1/ServiceProduct`. Source: the Rev.io contract, 'Products'."""
    return {
        "service_id": service_id,
        "product_id": step["product_id"],
        "customer_id": customer_number(device["customer_number"]),
        "rate": Decimal(step["rate"]) if step["rate"] is not None else None,
        "quantity": 1,
        "generate_proration": bool(device["prorate"]),
        **line_dates(device),
    }


def _settle(desk: Desk, device: Record, service_id: int, step: Record, service_product_id: int, state: str) -> None:
    """Record a product and its mirror row in one transaction; ADOPTED: no call of ours made it, and no revert ends it."""
    now = desk.clock()
    named = {"product_id": step["product_id"], "service_product_id": service_product_id, "now": now}

    def settle(connection: Connection) -> None:
        changed(
            connection,
            "service_lines/settle_product",
            intent_id=device["intent_id"],
            state=state,
            lease_until=None,
            detail=None,
            **named,
        )
        run(
            connection,
            "service_lines/insert_service_product",
            service_id=service_id,
            rate=step["rate"],
            account_id=device["account_id"],
            actor=desk.claim.actor,
            **named,
        )

    in_transaction(desk.engine, settle)


def record_product(desk: Desk, device: Record, product: int, state: str, lease_until: datetime, *, detail: str) -> None:
    """Record that a call made or ended no product, while nobody else has called since its lease ran out."""
    desk.transact(
        "service_lines/settle_product",
        intent_id=device["intent_id"],
        product_id=product,
        state=state,
        service_product_id=None,
        lease_until=lease_until,
        detail=storable(detail, 1000),
    )

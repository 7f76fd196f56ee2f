"""Adds the products of a line, each a step with an outcome of its own; a repeated run makes only the missing ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_association.domain.errors import (
    AssociationError,
    RecordUnreadable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.revio.client import Product, RevioClient
from device_association.service_lines.context import LineChanged, SliceContext
from device_association.service_lines.devices import SliceDevice, customer_number, line_dates, mismatch_reason
from device_association.service_lines.journal.products import (
    ProductStep,
    begin_product,
    doubt_products,
    lease_seconds,
    list_product_steps,
    plan_products,
    record_added,
    record_refused,
    record_turned_away,
)
from device_association.service_lines.lookups.account import LOOK_LASTS

KNOWN = frozenset({"CREATED", "ADOPTED"})
"""States of a product that the line has."""


class ProductFailed(AssociationError):
    """Rev.io refused a product: the line stays, its device is not associated, a retry makes the missing products."""


@dataclass(frozen=True, slots=True)
class ProductLine:
    """The line whose products are added or disconnected: its device, the client of its account, and Rev.io's id of it."""

    context: SliceContext
    client: RevioClient
    device: SliceDevice
    service_id: int


def create_products(line: ProductLine, *, adopted: bool) -> None:
    """Add the products that the request names and the line does not have yet; raise ProductFailed when one is refused.

    What an adopted line has already, and what a call made whose outcome was lost, is looked up once, before any call.
    """
    device = line.device
    wanted = json.loads(device.rev_product_id_list)
    if not wanted:
        return
    plan_products(line.context, device, list(zip(wanted, json.loads(device.rate_list), strict=True)))
    missing = [step for step in list_product_steps(line.context, device.intent_id) if step.state not in KNOWN]
    lost = any(step.state == "CALLING" for step in missing)
    asked = line.context.clock()
    try:
        on_line = look_up_products(line) if missing and (adopted or lost) else []
    except RecordUnreadable as problem:
        raise ProductFailed(
            f"line {line.service_id} is there, but which products it has cannot be read: {problem}, then retry"
        ) from problem
    there = {product.product_id: product.service_product_id for product in on_line}
    for step in missing:
        if step.may_be_out(asked):
            raise RevioOutcomeUnknown(f"product {step.product_id} of line {line.service_id}: a call may still be out")
        if step.product_id in there:
            was_there = adopted and step.state != "CALLING"
            found = there[step.product_id]
            record_added(line.context, device, line.service_id, step, found, was_there=was_there)
        else:
            _create(line, step, asked)


def look_up_products(line: ProductLine) -> list[Product]:
    """Return the products that the line has. While Rev.io cannot be asked, no lost call counts as settled."""
    try:
        return list(line.client.products(line.service_id))
    except RevioRetryable:
        doubt_products(line.context, line.device)
        raise


def _create(line: ProductLine, step: ProductStep, looked_up: datetime) -> None:
    context, device, product, service_id = line.context, line.device, step.product_id, line.service_id

    def begin(lease_until: datetime) -> bool:
        return begin_product(context, device, step, looked_up=looked_up, lease_until=lease_until)

    try:
        lease_until = lease_product(line, step, begin, line_seen=device.settled)
    except LineChanged as changed_line:
        raise ProductFailed(
            f"{changed_line}; its product {product} was not added; correct it, then retry"
        ) from changed_line
    if lease_until is None:
        raise RevioOutcomeUnknown(f"product {product} of line {service_id}: another worker or run is at it")
    try:
        created = line.client.create_product(product_body(device, service_id, step))
    except RevioRejected as refused:
        record_refused(context, device, step, lease_until, str(refused))
        raise ProductFailed(
            f"line {service_id} is there, but Rev.io refused its product {product}: {refused}; correct it, then retry"
        ) from refused
    except (RevioRetryable, RevioUnauthorized):
        record_turned_away(context, device, step, lease_until)
        raise
    record_added(context, device, service_id, step, created)


def lease_product(
    line: ProductLine, step: ProductStep, begin: Callable[[datetime], bool], *, line_seen: datetime
) -> datetime | None:
    """Take the lease of a product's call by `begin` once the account has room for it; return its end.

    None: another has it, or had it since the look-up, or the call may not be made. A line that was seen too long ago is
    looked at first: LineChanged where it is not the SIM's any more. Raises RevioOutcomeUnknown when the lease could end
    before the call: another may be at it by then.
    """
    context, device, service_id = line.context, line.device, line.service_id
    if budget := context.budgets(device.connection_id):
        budget.wait_for_call()
    if context.clock() - line_seen > LOOK_LASTS:
        sim = None if device.named_service_id == service_id else device.sim
        why = mismatch_reason(line.client.line(service_id), sim, device.customers)
        if why is not None:
            raise LineChanged(f"line {service_id}: {why}")
    seconds = lease_seconds(context)
    send_by = context.clock() + timedelta(seconds=seconds - context.settings.rev_call_timeout_seconds)
    lease_until = context.clock() + timedelta(seconds=seconds)
    if not begin(lease_until):
        return None
    if context.look_before_call(device)[1] > send_by:
        said = f"product {step.product_id} of line {service_id}: no call was made, its time was up before"
        raise RevioOutcomeUnknown(said)
    return lease_until


def product_body(device: SliceDevice, service_id: int, step: ProductStep) -> dict[str, object]:
    """Return the body of `POST /v1/ServiceProduct`. Source: the Rev.io contract, 'Products'."""
    return {
        "service_id": service_id,
        "product_id": step.product_id,
        "customer_id": customer_number(device.customer_number),
        "rate": step.rate,
        "quantity": 1,
        "generate_proration": device.prorate,
        **line_dates(device),
    }

"""Disconnects the products of a line that a revert disconnects, each a step with an outcome of its own."""

from __future__ import annotations

from datetime import datetime

from device_association.domain.codes import DeviceCode
from device_association.domain.errors import RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.service_lines.context import LineChanged, Outcome
from device_association.service_lines.devices import disconnect_day
from device_association.service_lines.journal.calls import blocking_reason
from device_association.service_lines.journal.lines import reject_line
from device_association.service_lines.journal.products import (
    ProductStep,
    begin_product_disconnect,
    list_product_steps,
    plan_package,
    record_product_disconnected,
    record_refused,
    record_turned_away,
)
from device_association.service_lines.products import ProductLine, lease_product, look_up_products


def disconnect_products(line: ProductLine) -> Outcome | None:
    """Disconnect what the first change added to a line, or what its package brought; return None once all of it is done.

    What a call disconnected whose outcome was lost is looked up once, before any call.
    """
    context, device = line.context, line.device
    steps = _steps(line)
    left = [step for step in steps if step.state != "ENDED"]
    lost, asked = any(step.state == "CALLING" for step in left), context.clock()
    active = {product.service_product_id for product in look_up_products(line)} if lost else set()
    for step in left:
        if step.may_be_out(asked):
            raise RevioOutcomeUnknown(f"product {step.product_id}: the call that ends it may still be out")
        service_product_id = _known_id(step)
        if step.state == "CALLING" and service_product_id not in active:
            record_product_disconnected(context, device, step, service_product_id)
        elif outcome := _disconnect(line, step, service_product_id, asked):
            return outcome
    return None


def _known_id(step: ProductStep) -> int:
    assert step.service_product_id is not None, "what is to be disconnected was seen on the line"
    return step.service_product_id


def _steps(line: ProductLine) -> list[ProductStep]:
    """Return the steps of a line, planned before; those of a package are known only to Rev.io, and planned once.

    What a package brought more than once has a step for each product on the line.
    """
    context, device = line.context, line.device
    steps = list_product_steps(context, device.intent_id)
    in_doubt = _in_doubt(line)
    has_package = bool(device.rev_package_id) and device.reverted_state == "CREATED" and not steps
    if not has_package and not in_doubt:
        return steps
    known = {step.service_product_id for step in steps}
    listed = [
        one
        for one in line.client.products(line.service_id)
        if one.service_product_id not in known and (has_package or one.product_id in in_doubt)
    ]
    plan_package(context, device, listed)
    return list_product_steps(context, device.intent_id)


def _in_doubt(line: ProductLine) -> set[int]:
    """Return the products that the first change asked for and never heard of: they may be on the line.

    Raises RevioOutcomeUnknown while such a call may still be out, or its product not be shown yet.
    """
    first = line.device.reverted_intent_id
    steps = list_product_steps(line.context, first) if first is not None else []
    calls = [step for step in steps if step.state == "CALLING"]
    now = line.context.clock()
    if any(step.may_be_out(now) for step in calls):
        raise RevioOutcomeUnknown(f"a product of line {line.service_id}: the call for it may still be out")
    return {step.product_id for step in calls}


def _disconnect(line: ProductLine, step: ProductStep, service_product_id: int, looked_up: datetime) -> Outcome | None:
    """Disconnect one product by a call; return what became of the device where it could not be."""
    context, device, product, ends = line.context, line.device, step.product_id, line.service_id

    def begin(lease_until: datetime) -> bool:
        return begin_product_disconnect(context, device, step, looked_up=looked_up, lease_until=lease_until)

    try:
        lease_until = lease_product(line, step, begin, line_seen=looked_up)
    except LineChanged as strange:
        raise RevioOutcomeUnknown(f"{strange}; it is looked at again") from strange
    if lease_until is None:
        return blocking_reason(context, device) or Outcome.UNKNOWN
    try:
        line.client.end_product(service_product_id, disconnect_day(device), prorate=device.prorate)
    except RevioRejected as refused:
        there = {one.service_product_id for one in look_up_products(line)}
        if service_product_id in there:
            record_refused(context, device, step, lease_until, str(refused))
            said = f"Rev.io refused to disconnect product {product} of line {ends}, which is there still: {refused}"
            return reject_line(context, device, DeviceCode.REV_PRODUCT_FAILED, f"{said}; correct it, then retry")
        # otherwise somebody disconnected it before
    except (RevioRetryable, RevioUnauthorized):
        record_turned_away(context, device, step, lease_until)
        raise
    record_product_disconnected(context, device, step, service_product_id)
    return None

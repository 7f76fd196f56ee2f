"""Ends the products of a line that a revert ends, each a step with an outcome of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from device_association.database.execution import Record, as_json, changed, in_transaction, run
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.revio.client import RevioClient
from device_association.service_lines.journal.calls import why_not
from device_association.service_lines.journal.lines import Desk, LineChanged, Outcome, end_day, reject_line
from device_association.service_lines.products import (
    lease_product,
    list_product_steps,
    look_up_products,
    record_product,
)


def end_products(desk: Desk, device: Record) -> Outcome | None:
    """End what the first change added to a line, or what its package brought; return None once all of it is ended.

    What a call ended whose outcome was lost is looked up once, before any call.
    """
    client = desk.clients(device["connection_id"])
    steps = _steps(desk, client, device)
    left = [step for step in steps if step["state"] != "ENDED"]
    lost, asked = any(step["state"] == "CALLING" for step in left), desk.clock()
    on_line = look_up_products(desk, client, device, device["ends_service_id"]) if lost else []
    active = {product.service_product_id for product in on_line}
    for step in left:
        if step["state"] == "CALLING" and step["lease_until"] > asked:
            raise RevioOutcomeUnknown(f"product {step['product_id']}: the call that ends it may still be out")
        if step["state"] == "CALLING" and step["service_product_id"] not in active:
            _settle(desk, device, step)
        elif outcome := _end(desk, client, device, step, asked):
            return outcome
    return None


def _steps(desk: Desk, client: RevioClient, device: Record) -> Sequence[Record]:
    """Return the steps of a line, planned before; those of a package are known only to Rev.io, and planned once.

    What a package brought more than once has one step under the product's id, the others under an id of their own.
    """
    steps = list_product_steps(desk, device)
    in_doubt = _in_doubt(desk, device)
    has_package = bool(device["rev_package_id"]) and device["line_was"] == "CREATED" and not steps
    if not has_package and not in_doubt:
        return steps
    known = {step["service_product_id"] for step in steps}
    listed = [
        one
        for one in client.products(device["ends_service_id"])
        if one.service_product_id not in known and (has_package or one.product_id in in_doubt)
    ]
    firsts = {one.product_id: one.service_product_id for one in reversed(listed)}
    found = [
        {
            "product_id": one.product_id
            if firsts[one.product_id] == one.service_product_id
            else -one.service_product_id,
            "service_product_id": one.service_product_id,
        }
        for one in listed
    ]
    desk.transact("service_lines/plan_package", intent_id=device["intent_id"], products=as_json(found))
    return list_product_steps(desk, device)


def _in_doubt(desk: Desk, device: Record) -> set[int]:
    """Return the products that the first change asked for and never heard of: they may be on the line.

    Raises RevioOutcomeUnknown while such a call may still be out, or its product not be shown yet.
    """
    first = list_product_steps(desk, {"intent_id": device["line_intent"]}) if device["line_intent"] else ()
    calls = [step for step in first if step["state"] == "CALLING"]
    if any(step["lease_until"] > desk.clock() for step in calls):
        raise RevioOutcomeUnknown(f"a product of line {device['ends_service_id']}: the call for it may still be out")
    return {step["product_id"] for step in calls}


def _end(desk: Desk, client: RevioClient, device: Record, step: Record, looked_up: datetime) -> Outcome | None:
    """End one product by a call; return what became of the device where it could not be."""
    product, ends = step["product_id"], device["ends_service_id"]
    try:
        lease_until = lease_product(
            desk,
            client,
            device,
            ends,
            step,
            looked_up,
            begin="service_lines/begin_product_disconnect",
            line_seen=looked_up,
        )
    except LineChanged as strange:
        raise RevioOutcomeUnknown(f"{strange}; it is looked at again") from strange
    if lease_until is None:
        return why_not(desk, device) or Outcome.UNKNOWN
    try:
        client.end_product(step["service_product_id"], end_day(device), prorate=bool(device["prorate"]))
    except RevioRejected as refused:
        there = {one.service_product_id for one in look_up_products(desk, client, device, ends)}
        if step["service_product_id"] not in there:  # somebody ended it before
            _settle(desk, device, step)
            return None
        record_product(desk, device, product, "REJECTED", lease_until, detail=str(refused))
        said = f"Rev.io refused to disconnect product {product} of line {ends}, which is there still: {refused}"
        return reject_line(desk, device, DeviceCode.REV_PRODUCT_FAILED, f"{said}; correct it, then retry")
    except (RevioRetryable, RevioUnauthorized):
        record_product(desk, device, product, "PLANNED", lease_until, detail="turned away")
        raise
    _settle(desk, device, step)
    return None


def _settle(desk: Desk, device: Record, step: Record) -> None:
    """Record that a product is ended, in the mirror too, in one transaction."""
    now = desk.clock()

    def settle(connection: Connection) -> None:
        step_of = {"intent_id": device["intent_id"], "product_id": step["product_id"], "now": now}
        ended = {"state": "ENDED", "service_product_id": step["service_product_id"]}
        changed(connection, "service_lines/settle_product", lease_until=None, detail=None, **ended, **step_of)
        run(
            connection,
            "service_lines/end_product_mirror",
            service_product_id=step["service_product_id"],
            account_id=device["account_id"],
            actor=desk.claim.actor,
            now=now,
        )

    in_transaction(desk.engine, settle)

"""The products of a line, each a step: that it is planned, that its call begins, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from device_association.database.execution import changed, rows, run
from device_association.domain.encoding import as_json
from device_association.domain.storable_text import storable
from device_association.revio.client import Product
from device_association.service_lines.context import SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal.entries import log_devices, log_entry


@dataclass(frozen=True, slots=True)
class ProductStep:
    """A product that is to be added to a line, or disconnected, as `service_lines/list_product_steps` returns it."""

    product_id: int
    ends_service_product_id: int
    """The product on the line that is to be disconnected, by Rev.io's id; 0: one is to be added."""
    rate: Decimal | None
    service_product_id: int | None
    """Rev.io's id of the product on the line; None while none is known."""
    state: str
    lease_until: datetime | None
    """Until when a call for it may be out, in UTC; None but for CALLING."""

    def may_be_out(self, now: datetime) -> bool:
        """Whether a call for the product may still be out."""
        return self.lease_until is not None and self.lease_until > now


def list_product_steps(context: SliceContext, intent_id: int) -> list[ProductStep]:
    """Return the products that are to be added to the line of an intent, or disconnected, with their outcomes."""
    with context.engine.connect() as connection:
        return rows(connection, ProductStep, "service_lines/list_product_steps", intent_id=intent_id)


def plan_products(context: SliceContext, device: SliceDevice, rates: Sequence[tuple[int, str | None]]) -> None:
    """Plan the products of a line, each with its rate; one that has a step keeps it."""
    products = as_json([{"product_id": product, "rate": rate} for product, rate in rates])
    about = {"intent_id": device.intent_id, "products": products, "now": context.clock()}
    context.transact(lambda connection: run(connection, "service_lines/plan_products", **about))


def plan_package(context: SliceContext, device: SliceDevice, listed: Sequence[Product]) -> None:
    """Plan the end of what a package brought to a line; a product that has a step keeps it."""
    products = as_json([{"product_id": one.product_id, "service_product_id": one.service_product_id} for one in listed])
    about = {"intent_id": device.intent_id, "products": products, "now": context.clock()}
    context.transact(lambda connection: run(connection, "service_lines/plan_package", **about))


def lease_seconds(context: SliceContext) -> float:
    """Return how long a product's call is leased.

    The lease outlasts the settle time: a product that a look-up after its end did not show is certainly not there.
    """
    settings = context.settings
    return max(settings.rev_lease_seconds, settings.rev_call_timeout_seconds + settings.rev_search_lag_seconds)


def doubt_products(context: SliceContext, device: SliceDevice) -> None:
    """Lease the product calls of a line again whose outcome is not known: Rev.io could not be asked."""
    now = context.clock()
    lease_until = now + timedelta(seconds=lease_seconds(context))
    about = {"intent_id": device.intent_id, "lease_until": lease_until, "now": now}
    context.transact(lambda connection: run(connection, "service_lines/doubt_products", **about))


def begin_product(
    context: SliceContext, device: SliceDevice, step: ProductStep, *, looked_up: datetime, lease_until: datetime
) -> bool:
    """Begin the call that adds a product; return False where another has it, or it may not be made."""
    about = _call_of(context, device, step, looked_up, lease_until)
    return context.transact_holding(lambda c: changed(c, "service_lines/begin_product", **about)) > 0


def begin_product_disconnect(
    context: SliceContext, device: SliceDevice, step: ProductStep, *, looked_up: datetime, lease_until: datetime
) -> bool:
    """Begin the call that disconnects a product; return False where another has it, or it may not be made."""
    about = _call_of(context, device, step, looked_up, lease_until)
    return context.transact_holding(lambda c: changed(c, "service_lines/begin_product_disconnect", **about)) > 0


def record_added(
    context: SliceContext,
    device: SliceDevice,
    service_id: int,
    step: ProductStep,
    service_product_id: int,
    *,
    was_there: bool = False,
) -> None:
    """Record a product and its mirror row in one transaction; `was_there`: no call of ours made it, no revert ends it."""
    now, state = context.clock(), "ADOPTED" if was_there else "CREATED"

    def record(connection: Connection) -> None:
        _settle(connection, device, step, state, service_product_id, now)
        run(
            connection,
            "service_lines/insert_service_product",
            service_id=service_id,
            product_id=step.product_id,
            service_product_id=service_product_id,
            rate=step.rate,
            account_id=device.account_id,
            actor=context.claim.actor,
            now=now,
        )

    context.transact(record)


def record_product_disconnected(
    context: SliceContext, device: SliceDevice, step: ProductStep, service_product_id: int
) -> None:
    """Record that a product is disconnected, in the mirror too, in one transaction."""
    now = context.clock()

    def record(connection: Connection) -> None:
        _settle(connection, device, step, "ENDED", service_product_id, now)
        run(
            connection,
            "service_lines/end_product_mirror",
            service_product_id=service_product_id,
            account_id=device.account_id,
            actor=context.claim.actor,
            now=now,
        )

    context.transact(record)


def set_ready(context: SliceContext, device: SliceDevice, differing: Sequence[str]) -> None:
    """Let a row be associated whose line is all there; log where that line was called for with other terms than its own."""
    now = context.clock()

    def record(connection: Connection) -> None:
        if changed(connection, "service_lines/set_ready", intent_id=device.intent_id, now=now) and differing:
            said = f"line {device.service_id} was created by an earlier call, with {', '.join(differing)}"
            log_devices(connection, context, [log_entry(device, response=said)], now)

    context.transact(record)


def record_refused(
    context: SliceContext, device: SliceDevice, step: ProductStep, lease_until: datetime, detail: str
) -> None:
    """Record that Rev.io refused a product's call, while nobody else has called since its lease ran out."""
    _record_nothing_done(context, device, step, "REJECTED", lease_until, detail)


def record_turned_away(context: SliceContext, device: SliceDevice, step: ProductStep, lease_until: datetime) -> None:
    """Plan a product's call again that was not acted on, while nobody else has called since its lease ran out."""
    _record_nothing_done(context, device, step, "PLANNED", lease_until, "turned away")


def _record_nothing_done(
    context: SliceContext, device: SliceDevice, step: ProductStep, state: str, lease_until: datetime, detail: str
) -> None:
    about = {"intent_id": device.intent_id, "product_id": step.product_id, "now": context.clock()}
    about["ends_service_product_id"] = step.ends_service_product_id
    context.transact(
        lambda connection: run(
            connection,
            "service_lines/settle_product",
            state=state,
            service_product_id=None,
            lease_until=lease_until,
            detail=storable(detail, 1000),
            **about,
        )
    )


def _settle(
    connection: Connection,
    device: SliceDevice,
    step: ProductStep,
    state: str,
    service_product_id: int,
    now: datetime,
) -> None:
    run(
        connection,
        "service_lines/settle_product",
        intent_id=device.intent_id,
        product_id=step.product_id,
        ends_service_product_id=step.ends_service_product_id,
        state=state,
        service_product_id=service_product_id,
        lease_until=None,
        detail=None,
        now=now,
    )


def _call_of(
    context: SliceContext, device: SliceDevice, step: ProductStep, looked_up: datetime, lease_until: datetime
) -> dict[str, object]:
    return {
        "intent_id": device.intent_id,
        "product_id": step.product_id,
        "ends_service_product_id": step.ends_service_product_id,
        "was_calling": int(step.state == "CALLING"),
        "looked_up": looked_up,
        "lease_until": lease_until,
        "run_id": context.claim.run_id,
        "now": context.clock(),
        **context.claim.key,
    }

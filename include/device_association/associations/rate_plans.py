"""Applies the customer rate plans whose date has come. Source: the domain contract, 2 (queue and outcomes) and 5.

Where the contract is silent:
- Due is what takes effect by the end of a run's interval; what an earlier run missed is due too. Plans of one device are
  decided together: the one with the latest date is set, the others are SUPERSEDED, unless the latest is itself refused.
- A device that an operation is at work on keeps its plans for the next run; that is no refusal.
- A device that its tenant no longer has, or whose row there was deleted, has no customer any more: CUSTOMER_CHANGED.
- A plan without a bulk change of ours (the portal wrote it) is for the customer whom the device had when it was written:
  an account that changed since, by the history, is CUSTOMER_CHANGED.
- A plan that was retired (inactive) meanwhile is set: it was agreed upon. One that was deleted is PLAN_NOT_FOUND.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from device_association.associations.associate import update_history
from device_association.database.execution import changed, in_transaction, only_row, rows, rows_per_statement, run
from device_association.domain.codes import PlanOutcome
from device_association.domain.errors import IntervalInFuture
from device_association.findings.one_by_one import MAX_NAMED, OneByOne, error_text, in_halves

ACTOR = "apply_scheduled_rate_plans"
log = logging.getLogger(__name__)
CLOCKS_DIFFER = timedelta(minutes=1)
"""How far the scheduler's clock may run ahead of the database's: an hour that it says has ended has ended."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The data interval of a run; a run that somebody started without one has none, and takes what is due now."""

    start: datetime | None = None
    end: datetime | None = None

    def due_by(self, now: datetime) -> datetime:
        """Return the instant up to which plans are due, or raise IntervalInFuture."""
        if self.start is not None and self.start > now + CLOCKS_DIFFER:
            raise IntervalInFuture(
                f"this run is for the interval from {self.start.isoformat()} on, and it is {now.isoformat()}: nothing was "
                "done. Plans are applied by themselves when their hour has come; start a run for the past, or for now"
            )
        return self.end if self.end is not None and self.end <= now + CLOCKS_DIFFER else now

    def is_latest(self, now: datetime) -> bool:
        """Whether no interval of this length has ended since; a run without one takes all that is due."""
        return self.start is None or self.end is None or self.end + (self.end - self.start) > now


@dataclass(frozen=True, slots=True)
class DueDevice:
    """A device with plans that are due, and how many."""

    device_id: int
    plans: int


@dataclass(frozen=True, slots=True)
class DuePlans:
    """How many plans are due and not done, and since when the oldest is; None: there is none."""

    total: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class DecidedPlan:
    """What became of a plan (a PlanOutcome), and what the history of its device needs."""

    outcome: str
    device_id: int
    tenant_id: int
    service_provider_id: int
    effective_date: datetime


def apply_due_plans(engine: Engine, interval: Interval, *, clock: Callable[[], datetime]) -> dict[str, int]:
    """Set or refuse every plan that is due by the end of the interval; return how many had which outcome.

    `WAITING` counts the plans that are left for the next run. One transaction a batch of plans:
    killed in the middle, the next run does the batches that are missing. A device whose plans cannot be decided is a
    finding, and waits too; more than MAX_NAMED of them are one finding together.
    """
    began = clock()
    due_by = interval.due_by(began)
    with engine.connect() as connection:
        due = rows(connection, DueDevice, "associations/list_due_devices", due_by=due_by)
    outcomes = Counter({outcome.value: 0 for outcome in PlanOutcome if outcome != PlanOutcome.REVERTED})
    applying = OneByOne(engine, ACTOR, began)

    def apply(devices: Sequence[DueDevice]) -> Counter[str]:
        return in_transaction(engine, partial(_apply, devices=devices, due_by=due_by, now=clock()))

    others: list[str] = []

    def failed(device: DueDevice, problem: Exception) -> None:
        if applying.failed >= MAX_NAMED:
            others.append(f"device {device.device_id}: {error_text(problem)}")
            return
        log.error("the plans of device %s could not be applied", device.device_id, exc_info=problem)
        applying.report(f"device {device.device_id}", error_text(problem))

    for devices in _batches(due, rows_per_statement(engine)):
        for counts in in_halves(devices, apply, failed):
            outcomes.update(counts)
    if others:
        applying.report("other devices", f"{len(others)} more could not be done, the first is {others[0]}")
    if interval.is_latest(began):
        applying.end()
    with engine.connect() as connection:
        left = count_due(connection, due_by)
    return {**outcomes, "WAITING": left.total}


def count_due(connection: Connection, due_by: datetime) -> DuePlans:
    """Return how many plans are due by an instant and not done."""
    return only_row(connection, DuePlans, "associations/count_due", due_by=due_by)


def _batches(due: Sequence[DueDevice], size: int) -> Iterator[Sequence[DueDevice]]:
    """Cut the devices so that none has more plans than `size`; a device's plans stay together."""
    start = plans = 0
    for place, device in enumerate(due):
        if plans and plans + device.plans > size:
            yield due[start:place]
            start, plans = place, 0
        plans += device.plans
    if plans:
        yield due[start:]


def _apply(connection: Connection, *, devices: Sequence[DueDevice], due_by: datetime, now: datetime) -> Counter[str]:
    """Decide the plans of one batch and do what was decided. Nobody else has its devices until the transaction ends."""
    about = {"first_device_id": devices[0].device_id, "last_device_id": devices[-1].device_id, "due_by": due_by}
    batch_id = uuid4()
    batch, holder, written = {"batch_id": batch_id}, {"holder": -_number(batch_id)}, {"actor": ACTOR, "now": now}
    run(connection, "associations/lock_devices", now=now, **about, **holder)
    if changed(connection, "associations/claim_plans", **about, **batch, **holder, **written):
        run(connection, "associations/refuse_plans", **batch)
        run(connection, "associations/supersede_plans", **batch)
        run(connection, "associations/set_plans", **batch, **written)
        run(connection, "associations/refuse_overtaken", **batch)
        run(connection, "associations/log_plans", **batch, **written)
    decided = rows(connection, DecidedPlan, "associations/list_outcomes", **batch)
    applied = [plan for plan in decided if plan.outcome == PlanOutcome.APPLIED]
    alike = attrgetter("tenant_id", "service_provider_id", "effective_date")
    for (tenant_id, service_provider_id, effective_date), plans in groupby(applied, key=alike):
        update_history(
            connection,
            [plan.device_id for plan in plans],
            tenant_id=tenant_id,
            service_provider_id=service_provider_id,
            effective_date=effective_date,
        )
    run(connection, "associations/release_devices", **holder)
    return Counter(plan.outcome for plan in decided)


def _number(batch_id: UUID) -> int:
    """Return a positive bigint that no other batch has."""
    return 1 + (batch_id.int >> 66)

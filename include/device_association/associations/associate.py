"""Gives settled devices to their customer and runs the two final procedures. Source: the domain contract, 5 and 6."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import TypeVar

from sqlalchemy import Connection, Engine

from device_association.associations.restore import RESTORED, ReadyRow, restore_devices
from device_association.bulk_changes.claims import Claim, assert_claim, holding
from device_association.bulk_changes.ended_rows import log_and_release
from device_association.bulk_changes.reverts import find_revert
from device_association.bulk_changes.steps import record_step
from device_association.database import statistics
from device_association.database.execution import changed, in_parts, in_transaction, rows, run
from device_association.findings.one_by_one import MAX_NAMED, in_halves

log = logging.getLogger(__name__)
STEP = "associate_devices"
HISTORY_STEP = "update_cross_provider_device_history"
LINKS_STEP = "update_device_rev_service_links"
ASSOCIATED = ("associated", "changed_fields", "queued_plans")
"""What is counted of a change that is no revert."""
BATCHES_AT_ONCE = 2
"""A second transaction keeps the database at work while the first one is committed."""


Ready = TypeVar("Ready", bound=ReadyRow)
Work = Callable[[Connection, Claim, Sequence[Ready], datetime], dict[str, int]]
"""What is done with a batch of rows in one transaction; returns how many rows of which kind were written."""


@dataclass(frozen=True, slots=True)
class SettledRow(ReadyRow):
    """A row that may be associated now, and which plans its device is to get."""

    customer_rate_plan: bool
    carrier_rate_plan: bool


@dataclass(frozen=True, slots=True)
class AssociatedDevice:
    """A device that a change associated; no effective date: the device's own activation date."""

    device_id: int
    tenant_id: int
    service_provider_id: int
    effective_date: datetime | None


def associate_devices(engine: Engine, claim: Claim, *, clock: Callable[[], datetime]) -> dict[str, int]:
    """Associate every device whose line is settled or not asked for, or of a revert: give it back; return how many rows of
    which kind were written.

    In a change that was stopped, those that ask for no line are canceled: nothing of them was begun.
    One transaction a batch of rows: killed in the middle, the next run does the batches that are missing.
    A device that cannot be associated costs no other its association; what it met is raised at the end.
    """
    started, began = clock(), time.perf_counter()
    with engine.connect() as connection:
        is_revert = find_revert(connection, claim.bulk_change_id).reverts is not None
        about = {"bulk_change_id": claim.bulk_change_id}
        restorable = rows(connection, ReadyRow, "associations/list_restorable_rows", **about) if is_revert else []
        settled = [] if is_revert else rows(connection, SettledRow, "associations/list_settled_rows", **about)
        statistics.analyze(connection, statistics.LINES, new_rows=len(settled) + len(restorable))
        connection.commit()
    if is_revert:
        total, problems = _in_batches(engine, claim, restorable, restore_devices, RESTORED, clock)
    else:
        total, problems = _in_batches(engine, claim, settled, _associate, ASSOCIATED, clock)
    holding(engine, claim, clock(), lambda c: record_step(c, claim, STEP, total, started=started, began=began))
    if problems:
        log.error("%s devices could not be associated", len(problems))
        raise problems[0]
    return total


def _in_batches(
    engine: Engine,
    claim: Claim,
    devices: Sequence[Ready],
    work: Work[Ready],
    counted: Sequence[str],
    clock: Callable[[], datetime],
) -> tuple[dict[str, int], list[Exception]]:
    """Do the work on all devices; return what was counted, and what those met that could not be done."""
    problems: list[Exception] = []

    def failed(device: Ready, problem: Exception) -> None:
        if len(problems) < MAX_NAMED:
            log.error("row %s could not be associated", device.row_id, exc_info=problem)
        problems.append(problem)

    def do_part(part: Sequence[Ready]) -> dict[str, int]:
        return in_transaction(engine, lambda connection: work(connection, claim, part, clock()))

    def do_batch(batch: Sequence[Ready]) -> list[dict[str, int]]:
        return in_halves(batch, do_part, failed)

    total = dict.fromkeys(counted, 0)
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as workers:
        for counts in chain.from_iterable(workers.map(do_batch, in_parts(engine, devices))):
            total = {name: total[name] + counts[name] for name in total}
    return total, problems


def update_cross_provider_device_history(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Run `usp_UpdateCrossProviderDeviceHistory` for the associated devices, once per distinct date."""
    return holding(engine, claim, now, lambda connection: write_history(connection, claim, now=now))


def update_device_rev_service_links(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Run `UPDATE_DEVICE_REV_SERVICE_LINKS` for the change."""
    return holding(engine, claim, now, lambda connection: write_links(connection, claim, now=now))


def write_history(connection: Connection, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Write the cross-provider history in the caller's transaction, and that the change has had it."""
    began, calls = time.perf_counter(), 0
    devices = rows(connection, AssociatedDevice, "associations/list_associated", bulk_change_id=claim.bulk_change_id)
    for effective_date, same_date in groupby(devices, key=lambda device: device.effective_date):
        update_history(
            connection,
            [one.device_id for one in same_date],
            tenant_id=devices[0].tenant_id,
            service_provider_id=devices[0].service_provider_id,
            effective_date=effective_date,
        )
        calls += 1
    counts = {"devices": len(devices), "calls": calls}
    record_step(connection, claim, HISTORY_STEP, counts, started=now, began=began)
    return counts


def write_links(connection: Connection, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Write the links to lines in the caller's transaction, and that the change has had it."""
    began = time.perf_counter()
    run(connection, "associations/call_update_device_rev_service_links", bulk_change_id=claim.bulk_change_id)
    record_step(connection, claim, LINKS_STEP, {"calls": 1}, started=now, began=began)
    return {"calls": 1}


def _associate(connection: Connection, claim: Claim, batch: Sequence[SettledRow], now: datetime) -> dict[str, int]:
    """Associate one batch. The claim is checked last: until then its row stays free for the batch beside this one."""
    span = {"first_row_id": batch[0].row_id, "last_row_id": batch[-1].row_id}
    about = {"bulk_change_id": claim.bulk_change_id, **span, "actor": claim.actor, "now": now}
    run(connection, "associations/end_stopped_rows", retry_number=claim.retry_number, **about)
    run(connection, "associations/insert_device_tenants", **about)
    fields = changed(connection, "associations/associate_devices", **about)
    queued = 0
    if any(one.customer_rate_plan for one in batch):
        queued = changed(connection, "associations/queue_rate_plans", **about)
        run(connection, "associations/log_customer_rate_plans", **about)
    if any(one.carrier_rate_plan for one in batch):
        fields += changed(connection, "associations/assign_carrier_rate_plans", **about)
        run(connection, "associations/log_carrier_rate_plans", **about)
    done = changed(connection, "associations/finish_devices", **about)
    log_and_release(connection, claim.bulk_change_id, [span], step=STEP, actor=claim.actor, now=now)
    assert_claim(connection, claim, now)
    return {"associated": done, "changed_fields": fields, "queued_plans": queued}


def update_history(
    connection: Connection,
    device_ids: Iterable[int],
    *,
    tenant_id: int,
    service_provider_id: int,
    effective_date: datetime | None,
) -> None:
    """Run `usp_UpdateCrossProviderDeviceHistory` once for devices of one tenant, provider and date."""
    run(
        connection,
        "associations/call_update_cross_provider_device_history",
        m2m_device_ids=",".join(map(str, device_ids)),
        tenant_id=tenant_id,
        service_provider_id=service_provider_id,
        effective_date=effective_date,
    )

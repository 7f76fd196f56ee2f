"""Gives settled devices to their customer and runs the two final procedures. Source: the domain contract, 5 and 6."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain, groupby

from sqlalchemy import Connection, Engine

from device_association.associations.restore import GIVEN_BACK, give_back
from device_association.bulk_changes.claims import Claim, holding, keep, record_step
from device_association.bulk_changes.reverted_changes import find_reversal
from device_association.database.execution import Record, changed, in_parts, in_transaction, records, run
from device_association.findings.one_by_one import MOST_NAMED, in_halves

log = logging.getLogger(__name__)
STEP = "associate_devices"
HISTORY_STEP = "update_cross_provider_device_history"
LINKS_STEP = "update_device_rev_service_links"
ASSOCIATED = ("associated", "changed_fields", "queued_plans")
"""What is counted of a change that is no revert."""
BATCHES_AT_ONCE = 2
"""A second transaction keeps the database at work while the first one is committed."""


def associate_devices(engine: Engine, claim: Claim, *, clock: Callable[[], datetime]) -> dict[str, int]:
    """Associate every device whose line is settled or not asked for, or of a revert: give it back; return how many rows of
    which kind were written.

    In a change that was stopped, those that ask for no line are canceled: nothing of them was begun.
    One transaction a batch of rows: killed in the middle, the next run does the batches that are missing.
    A device that cannot be associated costs no other its association; what it met is raised at the end.
    """
    started, began = clock(), time.perf_counter()
    with engine.connect() as connection:
        reverts = find_reversal(connection, claim.bulk_change_id).reverts
        list_settled = "associations/list_restorable_rows" if reverts else "associations/list_settled_rows"
        settled = records(connection, list_settled, bulk_change_id=claim.bulk_change_id)
    work = give_back if reverts else _associate
    batches = list(in_parts(engine, settled))

    problems: list[Exception] = []

    def failed(device: Record, problem: Exception) -> None:
        if len(problems) < MOST_NAMED:
            log.error("row %s could not be associated", device["row_id"], exc_info=problem)
        problems.append(problem)

    def associate(batch: Sequence[Record]) -> list[dict[str, int]]:
        return in_halves(batch, associate_part, failed)

    def associate_part(part: Sequence[Record]) -> dict[str, int]:
        return in_transaction(engine, partial(work, claim=claim, batch=part, now=clock()))

    total = dict.fromkeys(GIVEN_BACK if reverts else ASSOCIATED, 0)
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as workers:
        for counts in chain.from_iterable(workers.map(associate, batches)):
            total = {name: total[name] + counts[name] for name in total}
    holding(engine, claim, clock(), lambda c: record_step(c, claim, STEP, total, started=started, began=began))
    if problems:
        log.error("%s devices could not be associated", len(problems))
        raise problems[0]
    return total


def update_cross_provider_device_history(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Run `usp_UpdateCrossProviderDeviceHistory` for the associated devices, once per distinct date."""
    return holding(engine, claim, now, lambda connection: write_history(connection, claim, now=now))


def update_device_rev_service_links(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Run `UPDATE_DEVICE_REV_SERVICE_LINKS` for the change."""
    return holding(engine, claim, now, lambda connection: write_links(connection, claim, now=now))


def write_history(connection: Connection, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Write the cross-provider history in the caller's transaction, and that the change has had it."""
    began, calls = time.perf_counter(), 0
    devices = records(connection, "associations/list_associated", bulk_change_id=claim.bulk_change_id)
    for effective_date, same_date in groupby(devices, key=lambda device: device["effective_date"]):
        update_history(connection, list(same_date), effective_date)
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


def _associate(connection: Connection, *, claim: Claim, batch: Sequence[Record], now: datetime) -> dict[str, int]:
    """Associate one batch. The claim is checked last: until then its row stays free for the batch beside this one."""
    about = {
        "bulk_change_id": claim.bulk_change_id,
        "first_row_id": batch[0]["row_id"],
        "last_row_id": batch[-1]["row_id"],
        "actor": claim.actor,
        "now": now,
    }
    run(connection, "associations/end_stopped_rows", retry_number=claim.retry_number, **about)
    run(connection, "associations/insert_device_tenants", **about)
    fields = changed(connection, "associations/associate_devices", **about)
    queued = 0
    if any(one["customer_rate_plan"] for one in batch):
        queued = changed(connection, "associations/queue_rate_plans", **about)
        run(connection, "associations/log_customer_rate_plans", **about)
    if any(one["carrier_rate_plan"] for one in batch):
        fields += changed(connection, "associations/assign_carrier_rate_plans", **about)
        run(connection, "associations/log_carrier_rate_plans", **about)
    done = changed(connection, "associations/finish_devices", **about)
    run(connection, "bulk_changes/log_ended_rows", step=STEP, **about)
    batch_rows = {name: about[name] for name in ("bulk_change_id", "first_row_id", "last_row_id")}
    run(connection, "bulk_changes/release_holds", **batch_rows)
    keep(connection, claim, now)
    return {"associated": done, "changed_fields": fields, "queued_plans": queued}


def update_history(connection: Connection, devices: Sequence[Record], effective_date: datetime | None) -> None:
    """Run `usp_UpdateCrossProviderDeviceHistory` once for devices of one tenant, provider and date."""
    run(
        connection,
        "associations/call_update_cross_provider_device_history",
        m2m_device_ids=",".join(str(device["device_id"]) for device in devices),
        tenant_id=devices[0]["tenant_id"],
        service_provider_id=devices[0]["service_provider_id"],
        effective_date=effective_date,
    )

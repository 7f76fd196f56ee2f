"""Brings ended changes in line with their rows: rows that were left open, a final state or counts that say something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.close import end_rows, enqueue_end_notification
from device_association.database.execution import changed, in_transaction, row, rows, rows_per_statement, run
from device_association.findings.one_by_one import OneByOne
from device_association.findings.store import Finding, FindingKind, report
from device_association.reconciliation.accounts import Interval
from device_association.reconciliation.repairs import ACTOR

LOST_RUN = "the run that had this device"


@dataclass(frozen=True, slots=True)
class WrongChange:
    """An ended change whose rows say something else; `wanted` is the status that they say."""

    bulk_change_id: int
    tenant_id: int
    status: str
    retry_number: int
    total: int
    open_rows: int
    wanted: str
    counts_differ: bool


def repair_changes(engine: Engine, interval: Interval, *, clock: Callable[[], datetime]) -> dict[str, int]:
    """Repair the ended changes of an interval, each in a transaction of its own; return how many of which kind."""
    scope, found, after, limit = interval.scope(clock()), Counter[str](), 0, rows_per_statement(engine)
    repairing = OneByOne(engine, "repair of changes", clock())
    while True:
        with engine.connect() as connection:
            page = rows(
                connection,
                WrongChange,
                "reconciliation/list_changes",
                bulk_change_id=None,
                after=after,
                limit=limit,
                since=scope.since,
                until=scope.until,
            )
        for one in page:
            change_id = one.bulk_change_id
            repair = partial(in_transaction, engine, partial(_repair, change_id=change_id, scope=scope, clock=clock))
            about = {"bulk_change_id": change_id, "tenant_id": one.tenant_id}
            nothing: list[FindingKind] = []
            found.update(repairing.attempt(f"bulk change {change_id}", repair, nothing, **about))
        if len(page) < limit:
            if interval.is_latest(clock()):
                repairing.end()
            return dict(found)
        after = page[-1].bulk_change_id


def _repair(
    connection: Connection, *, change_id: int, scope: Interval, clock: Callable[[], datetime]
) -> list[FindingKind]:
    """Repair one change, unless it was claimed or retried meanwhile; return what was wrong with it."""
    changed(connection, "bulk_changes/lock_state", bulk_change_id=change_id)
    one = row(
        connection,
        WrongChange,
        "reconciliation/list_changes",
        bulk_change_id=change_id,
        after=0,
        limit=1,
        since=scope.since,
        until=scope.until,
    )
    if one is None:
        return []
    now, said = clock(), {}
    key = {"bulk_change_id": change_id, "retry_number": one.retry_number}
    if one.open_rows:
        said[FindingKind.ROWS_LEFT_OPEN] = f"{one.open_rows} of {one.total} devices were left open"
        end_rows(connection, **key, failed_step=LOST_RUN, is_late=False, actor=ACTOR, now=now)
    if one.status != one.wanted:
        said[FindingKind.CHANGE_STATUS_WRONG] = f"the change read {one.status}, its devices say {one.wanted}"
        states = {"status": one.status, "wanted": one.wanted}
        run(connection, "reconciliation/set_status", bulk_change_id=change_id, actor=ACTOR, now=now, **states)
        enqueue_end_notification(connection, **key, now=now)
    if not said:
        said[FindingKind.CHANGE_COUNTS_WRONG] = "the counts that were kept were not those of the devices"
    run(connection, "reconciliation/delete_result", **key)
    run(connection, "bulk_changes/record_result", now=now, **key)
    subject, tenant = f"bulk change {change_id}", one.tenant_id
    kept = [
        Finding(kind, subject, detail, is_repaired=True, tenant_id=tenant, bulk_change_id=change_id)
        for kind, detail in said.items()
    ]
    report(connection, kept, now=now)
    return list(said)

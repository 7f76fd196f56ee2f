"""Releases what changes hold that somebody deleted, or that another program ended, while we worked on them.

A deleted change is ended like one that a person cancels: no further device is begun, a call that is out is looked up, a line
that it made is reported. So its devices are free again, and its SIMs in sight of reconciliation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.close import end_rows, enqueue_tenant_notification
from device_association.bulk_changes.locks import lock_state
from device_association.bulk_changes.stops import insert_stop
from device_association.database.execution import changed, in_transaction, row, rows, run
from device_association.domain.codes import DeviceCode
from device_association.findings.one_by_one import OneByOne
from device_association.findings.store import Finding, FindingKind, report

ACTOR = "sweep"
DELETED = "the change was deleted in the portal"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GoneChange:
    """A change that was deleted or ended elsewhere and still holds something; no tenant: its row is not there any more."""

    bulk_change_id: int
    retry_number: int
    claim_run_id: str | None
    is_deleted: bool
    tenant_id: int | None
    tenant_name: str | None


@dataclass(frozen=True, slots=True)
class LineOfDeleted:
    """A billed line of a deleted change whose device was not associated."""

    iccid: str
    service_id: int
    account_id: int
    tenant_id: int
    bulk_change_id: int


@dataclass(frozen=True, slots=True)
class RowlessCall:
    """An open call whose row, change, customer or account is not in the portal's tables any more."""

    intent_id: int
    iccid: str
    account_id: int
    tenant_id: int | None
    bulk_change_id: int


def release_gone(engine: Engine, *, is_run_active: Callable[[str], bool], now: datetime) -> int:
    """Release what deleted and otherwise ended changes hold, and report the lines of deleted ones; return of how many.

    A change that another program ended is left to its run while that lives; a deleted one loses its claim at once.
    """
    with engine.connect() as connection:
        found = rows(connection, GoneChange, "bulk_changes/list_gone", bulk_change_id=None)
    releasing, released = OneByOne(engine, "release of deleted changes", now), 0
    for one in found:
        release = partial(_release, engine, one, is_run_active, now)
        about = {"bulk_change_id": one.bulk_change_id, "tenant_id": one.tenant_id}
        released += releasing.attempt(f"bulk change {one.bulk_change_id}", release, False, **about)
    releasing.end()
    in_transaction(engine, partial(_report, now=now))
    return released


def _release(engine: Engine, gone: GoneChange, is_run_active: Callable[[str], bool], now: datetime) -> bool:
    holder = gone.claim_run_id
    if not gone.is_deleted and holder is not None and is_run_active(holder):
        return False
    return in_transaction(engine, partial(_end, change_id=gone.bulk_change_id, now=now))


def _end(connection: Connection, *, change_id: int, now: datetime) -> bool:
    """End the change unless it came back meanwhile; its rows get the states of a cancel."""
    about = {"bulk_change_id": change_id}
    lock_state(connection, change_id)
    gone = row(connection, GoneChange, "bulk_changes/list_gone", **about)
    if gone is None:
        return False
    retry, written = gone.retry_number, {"actor": ACTOR, "now": now}
    left = "the run that had this device"
    if gone.is_deleted:
        insert_stop(connection, change_id, retry, DeviceCode.CANCELED_BY_USER, DELETED, actor=ACTOR, now=now)
    end_rows(connection, change_id, retry, failed_step=left, is_late=False, actor=ACTOR, now=now)
    run(connection, "bulk_changes/drop_claim", **about)
    run(connection, "bulk_changes/release_devices", **about)
    run(connection, "bulk_changes/abandon_gone", now=now, **about)
    if changed(connection, "bulk_changes/end_deleted", **about, **written):
        run(connection, "bulk_changes/answer", answer="CANCELED", **about, **written)
        run(connection, "bulk_changes/record_result", retry_number=retry, now=now, **about)
        enqueue_tenant_notification(connection, change_id, retry, gone.tenant_id, gone.tenant_name, now=now)
    log.warning("bulk change %s: it was deleted or ended elsewhere; what it held is released", change_id)
    return True


def _report(connection: Connection, *, now: datetime) -> None:
    """Keep as findings what a deleted change leaves at Rev.io that nobody would look at again."""
    lines = [
        Finding(
            FindingKind.LINE_OF_DELETED_CHANGE,
            f"line {one.account_id}/{one.service_id}",
            f"line {one.service_id} of SIM {one.iccid} was made for bulk change {one.bulk_change_id}, which was "
            "deleted; it is billed, and the device was not associated",
            account_id=one.account_id,
            tenant_id=one.tenant_id,
            bulk_change_id=one.bulk_change_id,
            iccid=one.iccid,
            service_id=one.service_id,
        )
        for one in rows(connection, LineOfDeleted, "bulk_changes/list_lines_of_deleted", now=now)
    ]
    calls = [
        Finding(
            FindingKind.LOOK_UP_FAILED,
            f"intent {one.intent_id}",
            f"SIM {one.iccid}: a call was made for it by bulk change {one.bulk_change_id}, which is not in the "
            "portal's tables any more, or its row, customer or account is not; look in Rev.io whether the SIM has a line",
            account_id=one.account_id,
            tenant_id=one.tenant_id,
            bulk_change_id=one.bulk_change_id,
            iccid=one.iccid,
        )
        for one in rows(connection, RowlessCall, "bulk_changes/list_rowless", now=now)
    ]
    report(connection, [*lines, *calls], now=now)

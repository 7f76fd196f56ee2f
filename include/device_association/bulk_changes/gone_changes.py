"""Releases what changes hold that somebody deleted, or that another program ended, while we worked on them.

A deleted change is ended like one that a person cancels: no further device is begun, a call that is out is looked up, a line
that it made is reported. So its devices are free again, and its SIMs in sight of reconciliation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.closing import NOTIFIED_JOB, end_rows
from device_association.database.execution import Record, changed, in_transaction, record, records, run
from device_association.domain.codes import DeviceCode
from device_association.findings.one_by_one import OneByOne
from device_association.findings.store import Finding, FindingKind, report
from device_association.messaging.outbox import owe_notification

ACTOR = "sweep"
DELETED = "the change was deleted in the portal"
log = logging.getLogger(__name__)


def release_gone(engine: Engine, *, run_lives: Callable[[str], bool], now: datetime) -> int:
    """Release what deleted and otherwise ended changes hold, and report the lines of deleted ones; return of how many.

    A change that another program ended is left to its run while that lives; a deleted one loses its claim at once.
    """
    with engine.connect() as connection:
        found = records(connection, "bulk_changes/list_gone", bulk_change_id=None)
    releasing, released = OneByOne(engine, "release of deleted changes", now), 0
    for one in found:
        change_id = one["bulk_change_id"]
        release = partial(_release, engine, one, run_lives, now)
        about = {"bulk_change_id": change_id, "tenant_id": one["tenant_id"]}
        released += releasing.attempt(f"bulk change {change_id}", release, False, **about)
    releasing.end()
    in_transaction(engine, partial(_report, now=now))
    return released


def _release(engine: Engine, gone: Record, run_lives: Callable[[str], bool], now: datetime) -> bool:
    holder = gone["claim_run_id"]
    if not gone["is_deleted"] and holder is not None and run_lives(holder):
        return False
    return in_transaction(engine, partial(_end, change_id=gone["bulk_change_id"], now=now))


def _end(connection: Connection, *, change_id: int, now: datetime) -> bool:
    """End the change unless it came back meanwhile; its rows get the states of a cancel."""
    about = {"bulk_change_id": change_id}
    changed(connection, "bulk_changes/lock_state", **about)
    gone = record(connection, "bulk_changes/list_gone", **about)
    if gone is None:
        return False
    retry, written = gone["retry_number"], {"actor": ACTOR, "now": now}
    left = "the run that had this device"
    if gone["is_deleted"]:
        stop = {"code": DeviceCode.CANCELED_BY_USER, "reason": DELETED, "retry_number": retry}
        run(connection, "bulk_changes/insert_stop", **stop, **about, **written)
    end_rows(connection, change_id, retry, failed_step=left, is_late=False, actor=ACTOR, now=now)
    run(connection, "bulk_changes/drop_claim", **about)
    run(connection, "bulk_changes/release_devices", **about)
    run(connection, "bulk_changes/abandon_gone", now=now, **about)
    if changed(connection, "bulk_changes/end_deleted", **about, **written):
        run(connection, "bulk_changes/answer", answer="CANCELED", **about, **written)
        run(connection, "bulk_changes/record_result", retry_number=retry, now=now, **about)
        tenant = {"tenant_id": gone["tenant_id"], "tenant_name": gone["tenant_name"]}
        owe_notification(connection, change_id, retry, {"data": NOTIFIED_JOB | tenant}, now=now)
    log.warning("bulk change %s: it was deleted or ended elsewhere; what it held is released", change_id)
    return True


def _report(connection: Connection, *, now: datetime) -> None:
    """Keep as findings what a deleted change leaves at Rev.io that nobody would look at again."""
    names = ("account_id", "tenant_id", "bulk_change_id", "iccid")
    lines = [
        Finding(
            FindingKind.LINE_OF_DELETED_CHANGE,
            f"line {one['account_id']}/{one['service_id']}",
            f"line {one['service_id']} of SIM {one['iccid']} was made for bulk change {one['bulk_change_id']}, which was "
            "deleted; it is billed, and the device was not associated",
            service_id=one["service_id"],
            **{name: one[name] for name in names},
        )
        for one in records(connection, "bulk_changes/list_lines_of_deleted", now=now)
    ]
    calls = [
        Finding(
            FindingKind.LOOK_UP_FAILED,
            f"intent {one['intent_id']}",
            f"SIM {one['iccid']}: a call was made for it by bulk change {one['bulk_change_id']}, which is not in the "
            "portal's tables any more, or its row, customer or account is not; look in Rev.io whether the SIM has a line",
            **{name: one[name] for name in names},
        )
        for one in records(connection, "bulk_changes/list_rowless", now=now)
    ]
    report(connection, [*lines, *calls], now=now)

"""The per-device rules, over all rows of a change at once. Source: the domain contract, section 3.

`reject_devices` is the very same code at request time and in the running change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.bulk_changes.ended_rows import log_and_release, release_locks
from device_association.bulk_changes.reverts import find_revert
from device_association.database.batches import in_batches, lock_devices, row_batches
from device_association.database.execution import in_parts, only_row, rows, run
from device_association.domain.association_request import is_iccid
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import as_json

STEP = "validate_devices"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of a change are open, and how many final."""

    open_rows: int
    final_rows: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is to be refused, with the code and the reason."""

    row_id: int
    code: str
    details: str


@dataclass(frozen=True, slots=True)
class OpenIccid:
    """The ICCID of an open row; other programs may write none."""

    row_id: int
    iccid: str | None


def revalidate(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> RowCounts:
    """Let the rules decide about each open row of a change that is to start again; return how many are open and final."""
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "requests/resolve_devices", batches, bulk_change_id=bulk_change_id)
    reject_devices(connection, bulk_change_id, actor=actor, now=now)
    return count_rows(connection, bulk_change_id)


def count_rows(connection: Connection, bulk_change_id: int) -> RowCounts:
    """Return how many rows of a change are open, and how many final."""
    return only_row(connection, RowCounts, "requests/count_open", bulk_change_id=bulk_change_id)


def reject_devices(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows of a change that break a per-device rule, the first rule that matches; hold the others' devices.

    The devices are held after the rules about the device itself and before those about other operations, so that
    whoever holds a device decides about it.
    """
    if find_revert(connection, bulk_change_id).reverts:
        reject_changed(connection, bulk_change_id, actor=actor, now=now)
        return
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    reject_rows(connection, bulk_change_id, _invalid_iccids(connection, bulk_change_id), actor=actor, now=now)
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "requests/reject_unassignable", batches, **about)
    release_locks(connection, bulk_change_id, batches)
    lock_devices(connection, bulk_change_id, now=now)
    in_batches(connection, "requests/reject_held", batches, **about)
    reject_billed(connection, bulk_change_id, actor=actor, now=now)


def reject_billed(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows whose SIM somebody else bills or asks a line for; log every row ended now and free its device."""
    billed = rows(connection, RefusedRow, "requests/find_billed", bulk_change_id=bulk_change_id, now=now)
    reject_rows(connection, bulk_change_id, billed, actor=actor, now=now)
    log_and_release(
        connection, bulk_change_id, row_batches(connection, bulk_change_id), step=STEP, actor=actor, now=now
    )


def reject_changed(connection: Connection, bulk_change_id: int, *, actor: str, now: datetime) -> None:
    """Mark the open rows of a revert whose device is not as the first change left it; hold the others' devices.

    Held first, so that what is compared stays so. Whom a device could be given to does not count here: it goes back.
    """
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    lock_devices(connection, bulk_change_id, now=now)
    batches = row_batches(connection, bulk_change_id)
    in_batches(connection, "requests/reject_held", batches, **about)
    in_batches(connection, "requests/reject_changed", batches, **about)
    log_and_release(connection, bulk_change_id, batches, step=STEP, actor=actor, now=now)


def reject_rows(
    connection: Connection, bulk_change_id: int, refused: Sequence[RefusedRow], *, actor: str, now: datetime
) -> None:
    """Mark the given rows as errors."""
    for part in in_parts(connection, refused):
        run(
            connection,
            "requests/reject_rows",
            bulk_change_id=bulk_change_id,
            refused=as_json([asdict(one) for one in part]),
            actor=actor,
            now=now,
        )


def _invalid_iccids(connection: Connection, bulk_change_id: int) -> list[RefusedRow]:
    return [
        RefusedRow(
            one.row_id,
            DeviceCode.INVALID_ICCID,
            f"INVALID_ICCID: {one.iccid!r} is no ICCID; it must be 18 to 22 digits",
        )
        for one in rows(connection, OpenIccid, "requests/list_open_iccids", bulk_change_id=bulk_change_id)
        if not is_iccid(one.iccid or "")
    ]

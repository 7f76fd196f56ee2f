"""One bulk change with its state, read as it is or locked until the caller's transaction ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.database.execution import row, run


@dataclass(frozen=True, slots=True)
class BulkChange:
    """A bulk change and its state; one that no run has touched has retry number 0, no claim and no actor."""

    bulk_change_id: int
    change_request_type_id: int
    status: str
    tenant_id: int
    service_provider_id: int
    created_by: str
    tenant_name: str
    time_zone: str | None
    retry_number: int
    claim_run_id: str | None
    actor: str | None


def find_bulk_change(connection: Connection, bulk_change_id: int) -> BulkChange | None:
    """Return a bulk change, or None where there is none of this id or it was deleted."""
    return row(connection, BulkChange, "bulk_changes/find_bulk_change", bulk_change_id=bulk_change_id)


def lock_change(connection: Connection, bulk_change_id: int) -> BulkChange | None:
    """Return a change as nobody else can claim, close, stop or retry it before the caller's transaction ends."""
    lock_state(connection, bulk_change_id)
    return find_bulk_change(connection, bulk_change_id)


def lock_state(connection: Connection, bulk_change_id: int) -> None:
    """Keep others from claiming, closing, stopping or retrying a change before the caller's transaction ends."""
    run(connection, "bulk_changes/lock_state", bulk_change_id=bulk_change_id)


def insert_state(
    connection: Connection,
    bulk_change_id: int,
    *,
    actor: str,
    reason: str | None = None,
    run_id: str | None = None,
    now: datetime,
) -> None:
    """Write the state of a change that has none: claimed by a run of the trigger form (`run_id`), or free."""
    run(
        connection,
        "bulk_changes/insert_state",
        bulk_change_id=bulk_change_id,
        retry_number=0,
        run_id=run_id,
        claimed=now if run_id else None,
        run_key=run_id,
        actor=actor,
        reason=reason,
        now=now,
    )

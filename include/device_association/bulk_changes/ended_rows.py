"""What follows when rows of a bulk change become final: their log entries, and their devices are free for other changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from device_association.database.batches import RowRange, in_batches


def log_and_release(
    connection: Connection, bulk_change_id: int, batches: Sequence[RowRange], *, step: str, actor: str, now: datetime
) -> None:
    """Log the rows that a step has ended, and release their devices."""
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    in_batches(connection, "bulk_changes/log_ended_rows", list(batches), step=step, **about)
    release_locks(connection, bulk_change_id, batches)


def release_locks(connection: Connection, bulk_change_id: int, batches: Sequence[RowRange]) -> None:
    """Release the devices of rows that are final."""
    in_batches(connection, "bulk_changes/release_locks", list(batches), bulk_change_id=bulk_change_id)

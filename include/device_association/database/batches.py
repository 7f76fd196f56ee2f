"""Cuts a change into batches, so that SQL Server locks rows and not the table while others work on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.database import statistics
from device_association.database.execution import changed, only_row, rows, rows_per_statement

RowRange = dict[str, int]
"""The first and the last row id of a batch, as the statements bind them."""


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last row of a change, as `database/find_span` returns them; None for a change without rows."""

    first_row_id: int | None
    last_row_id: int | None


@dataclass(frozen=True, slots=True)
class DeviceBatch:
    """The first and the last device of a batch, as `database/list_device_batches` returns them."""

    first_device_id: int
    last_device_id: int


def row_batches(connection: Connection, bulk_change_id: int, *, up_to: int | None = None) -> list[RowRange]:
    """Return ranges of row ids that cover a change (up to an id), none with more rows than one statement may write."""
    span = only_row(connection, Span, "database/find_span", bulk_change_id=bulk_change_id)
    if span.first_row_id is None or span.last_row_id is None:
        return []
    size = rows_per_statement(connection)
    last = span.last_row_id if up_to is None else min(up_to, span.last_row_id)
    return [
        {"first_row_id": first, "last_row_id": min(first + size - 1, last)}
        for first in range(span.first_row_id, last + 1, size)
    ]


def in_batches(connection: Connection, name: str, batches: list[RowRange], **binds: object) -> int:
    """Run the statement file `name` once for each batch; return how many rows it changed."""
    return sum(changed(connection, name, **binds, **batch) for batch in batches)


def lock_devices(connection: Connection, bulk_change_id: int, *, now: datetime) -> None:
    """Take the devices of a change's open rows in device order, so that two changes never wait for each other crosswise."""
    size = rows_per_statement(connection)
    batches = rows(connection, DeviceBatch, "database/list_device_batches", bulk_change_id=bulk_change_id, size=size)
    taken = sum(
        changed(
            connection,
            "database/take_holds",
            bulk_change_id=bulk_change_id,
            first_device_id=batch.first_device_id,
            last_device_id=batch.last_device_id,
            now=now,
        )
        for batch in batches
    )
    statistics.analyze(connection, statistics.LOCKS, new_rows=taken)

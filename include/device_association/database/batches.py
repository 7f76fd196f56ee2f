"""Cuts a change into batches, so that SQL Server locks rows and not the table while others work on it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from device_association.database.execution import changed, record, records, rows_per_statement

RowRange = dict[str, int]
"""The first and the last row id of a batch, as the statements bind them."""


def row_batches(connection: Connection, bulk_change_id: int, *, up_to: int | None = None) -> list[RowRange]:
    """Return ranges of row ids that cover a change (up to an id), none with more rows than one statement may write."""
    span = record(connection, "database/find_span", bulk_change_id=bulk_change_id)
    if span is None or span["first_row_id"] is None:
        return []
    size = rows_per_statement(connection)
    last = span["last_row_id"] if up_to is None else min(up_to, span["last_row_id"])
    return [
        {"first_row_id": first, "last_row_id": min(first + size - 1, last)}
        for first in range(span["first_row_id"], last + 1, size)
    ]


def in_batches(connection: Connection, name: str, batches: list[RowRange], **binds: object) -> int:
    """Run the statement file `name` once for each batch; return how many rows it changed."""
    return sum(changed(connection, name, **binds, **batch) for batch in batches)


def hold_devices(connection: Connection, bulk_change_id: int, *, now: datetime) -> None:
    """Take the devices of a change's open rows in device order, so that two changes never wait for each other crosswise."""
    about = {"bulk_change_id": bulk_change_id}
    for batch in records(connection, "database/list_device_batches", size=rows_per_statement(connection), **about):
        changed(connection, "database/take_holds", now=now, **about, **batch)

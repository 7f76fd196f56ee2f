"""What PostgreSQL's planner knows of tables that a big change has just filled.

Its statistics are as old as the last analysis, which may have found a work table empty: a plan for no rows reads all of a
table for each device, which takes minutes where there are thousands. SQL Server renews its statistics by itself, when it
compiles a statement. No statement file: ANALYZE takes no binds, and the tables are constants.
"""

from __future__ import annotations

from sqlalchemy import Connection

from device_association.database.dialects import POSTGRESQL

MIN_ROWS = 500
"""From how many new rows on tables are analyzed; reading all of fewer for each of them costs less."""
REQUESTS = (
    "dbo.M2M_DeviceChange (id, BulkChangeId, DeviceId, Status, IsProcessed)",
    "device_association.requested_device (M2MDeviceChangeId, BulkChangeId, TermsId)",
    "device_association.request_terms",
)
"""Without the texts that no statement looks for: to sort samples of them takes most of the time."""
LOCKS = ("device_association.device_lock",)
INTENTS = ("device_association.line_intent",)
LINES = ("dbo.RevService", *INTENTS)
LISTED = ("device_association.revio_snapshot_line", "device_association.revio_snapshot_line_key")
COMPARED = ("dbo.M2M_DeviceChange", "dbo.Device", "dbo.Device_Tenant", *LISTED, *LINES)


def analyze(connection: Connection, tables: tuple[str, ...], *, new_rows: int | None = None) -> None:
    """Have the planner look at tables that got so many new rows, those of the own transaction included.

    Without `new_rows` in any case: for who reads them whole. A table that somebody else analyzes at this moment is left to
    them.
    """
    if (new_rows is None or new_rows >= MIN_ROWS) and connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")

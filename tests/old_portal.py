"""Turns a test's database into a portal as its vendor left it: nothing of ours, but things that we do not know."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.installation.migrate import MARKER
from device_association.installation.sql_files import bare_name, sql_files
from local.sample_data.portal_tables import table_names

OUR_VIEWS = [
    f"device_association.{bare_name(file).split('_', maxsplit=2)[2]}"
    for file in reversed(sql_files(POSTGRESQL, "views", "0002_*"))
]
"""Our views, those first that read others."""
AUDIT = {
    POSTGRESQL: [
        "CREATE TABLE dbo.PortalAudit (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, RowId bigint NOT NULL)",
        "CREATE FUNCTION dbo.audit_row() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO dbo.PortalAudit (RowId) VALUES (NEW.id); RETURN NULL; END $$",
        "CREATE TRIGGER trg_audit AFTER INSERT OR UPDATE ON dbo.M2M_DeviceChange "
        "FOR EACH ROW EXECUTE FUNCTION dbo.audit_row()",
    ],
    SQL_SERVER: [
        "CREATE TABLE dbo.PortalAudit (id int IDENTITY PRIMARY KEY, RowId bigint NOT NULL)",
        "CREATE TRIGGER dbo.trg_audit ON dbo.M2M_DeviceChange AFTER INSERT, UPDATE AS "
        "BEGIN SET NOCOUNT ON; INSERT INTO dbo.PortalAudit (RowId) SELECT id FROM inserted; END",
    ],
}


def make_old(engine: Engine) -> None:
    """Take away what is ours, and give the portal a column, a table, a trigger and procedures of its own."""
    dialect = engine.dialect.name
    with engine.begin() as connection:
        _take_away(connection)
        run_each(
            connection,
            "ALTER TABLE dbo.Device ADD Colour varchar(20) NULL",
            "ALTER TABLE dbo.DeviceBulkChange ADD Priority int NOT NULL DEFAULT 3",
            *AUDIT[dialect],
        )
        for script in sql_files(dialect, "procedures"):
            theirs = script.read_text(encoding="utf-8").replace(MARKER, "Installed by the portal, not by us:")
            run_each(connection, *theirs.split("\nGO\n"))


def run_each(connection: Connection, *statements: str) -> None:
    """Run statements as they stand."""
    for one in statements:
        connection.execute(text(one.replace(":", r"\:")))


def _take_away(connection: Connection) -> None:
    ours = [name for name in table_names() if name.startswith("device_association.")]
    run_each(
        connection,
        *(f"DROP VIEW {name}" for name in OUR_VIEWS),
        *(f"DROP TABLE {name}" for name in reversed(ours)),
        "DROP TABLE device_association.schema_version",
        "DROP SCHEMA device_association",
        "DROP VIEW dbo.vwDeviceBulkChangeCounts",
        "ALTER TABLE dbo.M2M_DeviceChange DROP COLUMN ErrorCode",
    )

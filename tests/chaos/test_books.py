"""What the checker is given is what the database holds: the witness's notes, and every column that it reads."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from chaos.books import read_tables, set_witness
from chaos.checks.recording import COLUMNS
from device_association.database.dialects import POSTGRESQL

WATCHED = {
    ("m2m_devicechange", "status"): "UPDATE dbo.M2M_DeviceChange SET Status = 'NEW' WHERE Status = 'PROCESSING'",
    ("m2m_devicechange", "errorcode"): "UPDATE dbo.M2M_DeviceChange SET ErrorCode = 'x'",
    ("devicebulkchange", "status"): "UPDATE dbo.DeviceBulkChange SET Status = 'NEW' WHERE Status = 'PROCESSING'",
    ("device_tenant", "siteid"): "UPDATE dbo.Device_Tenant SET SiteId = NULL",
    ("device_tenant", "accountnumber"): "UPDATE dbo.Device_Tenant SET AccountNumber = 'x'",
    ("device_tenant", "revserviceid"): "UPDATE dbo.Device_Tenant SET RevServiceId = NULL",
    ("device_tenant", "customerrateplanid"): "UPDATE dbo.Device_Tenant SET CustomerRatePlanId = 1",
    ("device_tenant", "isactive"): "UPDATE dbo.Device_Tenant SET IsActive = 0",
    ("device", "carrierrateplanid"): "UPDATE dbo.Device SET CarrierRatePlanId = 1",
    ("device", "commplan"): "UPDATE dbo.Device SET CommPlan = 'x'",
}
"""What the witness watches, each with a change made past the product."""


@pytest.fixture
def dialect() -> str:
    """The database of a run of chaos is PostgreSQL's."""
    return POSTGRESQL


def test_the_database_has_every_column_that_a_recording_keeps(portal: Engine) -> None:
    set_witness(portal)
    with portal.begin() as connection:
        connection.execute(text(WATCHED["device", "commplan"]))
        tables = read_tables(connection)
    filled = {name: rows[0].keys() for name, rows in tables.items() if rows}
    assert {"device", "device_tenant", "m2m_devicechange", "noted"} <= filled.keys()
    assert {name: set(columns) - filled[name] for name, columns in COLUMNS.items() if name in filled} == {
        name: set() for name in filled.keys() & COLUMNS.keys()
    }
    assert COLUMNS.keys() <= tables.keys()


def test_every_change_made_past_the_product_is_noted(portal: Engine) -> None:
    set_witness(portal)
    with portal.begin() as connection:
        before = read_tables(connection)
        for statement in WATCHED.values():
            connection.execute(text(statement))
        after = read_tables(connection)
    for table, field in WATCHED:
        was = {row["id"]: row[field] for row in before[table]}
        changed = {(row["id"], _text(was[row["id"]]), _text(row[field])) for row in after[table]}
        noted = [one for one in after["noted"] if (one["tablename"], one["field"]) == (table, field)]
        assert changed, (table, field)
        assert {(one["rowid"], one["old"], one["new"]) for one in noted} == {
            (row, old, new) for row, old, new in changed if old != new
        }
        assert len(noted) == len({one["rowid"] for one in noted}) > 0, (table, field)


def _text(value: object) -> str | None:
    return None if value is None else str(value)

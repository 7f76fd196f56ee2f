"""Column types compare alike, whether they are declared, found in a database, or written in a procedure's head."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.types import NullType, TypeEngine

from device_association.database.tables.columns import METADATA
from device_association.installation.column_types import declared_columns, make_type, type_of


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (("nvarchar", -1), ("nvarchar", 4000)),
        (("nvarchar", "MAX"), ("nvarchar", "50")),
        (("varchar", 50), ("nvarchar", None)),
        (("bigint", None), ("int", 10)),
        (("datetime2", 7), ("datetime", 3)),
    ],
)
def test_one_type_holds_another(wide: tuple[str, int | str], narrow: tuple[str, int | str]) -> None:
    one, other = (make_type(name, size, None, dialect="mssql") for name, size in (wide, narrow))
    assert one.kind == other.kind
    assert one.holds(other)
    assert not other.holds(one)


def test_a_decimal_needs_room_before_and_behind_its_point() -> None:
    wanted, shorter, coarser = (
        make_type("decimal", size, scale, dialect="mssql") for size, scale in ((25, 4), (20, 4), (25, 2))
    )
    assert not shorter.holds(wanted)
    assert not coarser.holds(wanted)


@pytest.mark.parametrize(
    ("declared", "on_postgresql", "on_sql_server"),
    [
        ("dbo.Device.id", "integer", "integer"),
        ("dbo.Device.ICCID", "varchar(50)", "nvarchar(50)"),
        ("dbo.Device.IsDeleted", "smallint", "bit"),
        ("dbo.Device.DateActivated", "timestamptz(3)", "datetime2(3)"),
        ("dbo.DeviceBulkChange.StatusDetails", "text", "nvarchar(max)"),
        ("dbo.Device_Tenant.CustomerDataAllocationMB", "decimal(25, 4)", "decimal(25, 4)"),
        ("dbo.RevCustomer.id", "uuid", "uniqueidentifier"),
        ("device_association.request_key.KeyHash", "char(64)", "char(64)"),
        ("device_association.known_line.LineKey", "varchar(64)", "varchar(64)"),
        ("device_association.call_budget.Day", "date", "date"),
    ],
)
def test_a_declared_type_is_spelled_as_each_database_spells_it(
    declared: str, on_postgresql: str, on_sql_server: str
) -> None:
    table, _, column = declared.rpartition(".")
    spelled = [declared_columns(METADATA.tables[table], name)[column].type.spelled for name in ("postgresql", "mssql")]
    assert spelled == [on_postgresql, on_sql_server]


@pytest.mark.parametrize(
    ("dialect", "found", "kind", "size"),
    [
        ("postgresql", postgresql.TIMESTAMP(timezone=True), "instant in UTC", None),
        ("postgresql", postgresql.TIMESTAMP(precision=3), "timestamp", None),
        ("postgresql", postgresql.VARCHAR(20, collation="C"), "text", 20),
        ("postgresql", postgresql.TEXT(collation="C"), "text", None),
        ("postgresql", postgresql.BOOLEAN(), "boolean", None),
        ("mssql", mssql.NVARCHAR(None, collation="Latin1_General_BIN2"), "text", None),
        ("mssql", mssql.NTEXT(), "ntext", None),
        ("mssql", mssql.BIT(), "whole number", 1),
        ("mssql", mssql.TIMESTAMP(), "timestamp", None),
        ("mssql", NullType(), "unknown", None),
    ],
)
def test_a_found_type_is_told_apart_by_what_it_holds(
    dialect: str, found: TypeEngine[Any], kind: str, size: int | None
) -> None:
    one = type_of(found, dialect)
    assert (one.kind, one.size) == (kind, size)

"""What the adoption reads out of our own scripts and statements, and out of anybody's CREATE PROCEDURE."""

from __future__ import annotations

import pytest

from device_association.installation.requirements import ERROR_CODE, read_needs
from device_association.installation.sql_text import make_type, parameters, uses

OURS = "portalTypeId int, ids nvarchar(max)"


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE PROCEDURE dbo.P @portalTypeId int, @ids nvarchar(MAX) AS SELECT 1",
        "create proc [dbo].[P] (@portalTypeId int, @ids nvarchar(max) = null) with recompile as select 1",
        "-- CREATE PROC old\nCREATE OR ALTER PROC dbo.P @portalTypeId AS INT /* , @x bit */, @ids nvarchar( max )\nAS",
        "ALTER PROCEDURE P\n @portalTypeId int\n  , @ids nvarchar(max) = N'a, b' OUTPUT\nWITH EXECUTE AS OWNER\nAS BEGIN",
    ],
)
def test_the_parameters_of_a_procedure_are_read_however_it_is_written(definition: str) -> None:
    found = parameters(definition, "mssql")
    assert found is not None
    assert ", ".join(f"{one.name} {one.type.spelled}" for one in found) == OURS


def test_a_parameter_of_postgresql_is_read_as_the_database_prints_it() -> None:
    printed = "CREATE OR REPLACE PROCEDURE dbo.p(IN changeid bigint, IN since timestamp with time zone DEFAULT now())"
    found = parameters(printed, "postgresql")
    assert found is not None
    assert [(one.name, one.type.kind, one.optional) for one in found] == [
        ("changeid", "whole number", False),
        ("since", "instant in UTC", True),
    ]


def test_a_procedure_without_parameters_has_none_and_hidden_text_is_not_taken_for_that() -> None:
    assert parameters("CREATE PROCEDURE dbo.P AS SELECT 1", "mssql") == ()
    assert parameters("", "mssql") is None


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


def test_what_a_statement_reads_and_writes_is_told_apart() -> None:
    found = uses(
        "-- dbo.NotThis\nUPDATE dbo.Device SET CommPlan = CASE WHEN A IS DISTINCT FROM B THEN 1 END, ModifiedBy = :actor "
        "FROM dbo.Site AS s WHERE s.Name = 'dbo.Text';\nINSERT INTO dbo.Log (A, B) SELECT 1, 2;\nEXEC dbo.P @x = 1;"
    )
    assert found.keys() == {"dbo.Device", "dbo.Site", "dbo.Log", "dbo.P"}
    assert found["dbo.Device"].written == {"CommPlan", "ModifiedBy"}
    assert (found["dbo.Site"].rights, found["dbo.P"].rights) == ({"SELECT"}, {"EXECUTE"})
    assert found["dbo.Log"].inserts == [frozenset({"A", "B"})]


@pytest.mark.parametrize("dialect", ["postgresql", "mssql"])
def test_the_needs_come_from_the_statements(dialect: str) -> None:
    needs = read_needs(dialect, left_alone=())
    changes = needs.uses["dbo.M2M_DeviceChange"]
    assert ERROR_CODE[1] in needs.tables[ERROR_CODE[0]]
    assert ERROR_CODE[1] in changes.written
    assert changes.rights == {"SELECT", "INSERT", "UPDATE"}
    assert needs.uses["device_association.device_hold"].rights == {"SELECT", "INSERT", "DELETE"}
    assert "LastUsageDate" in needs.tables["dbo.Device"]
    assert "LastUsageDate" not in needs.uses["dbo.Device"].words
    assert needs.uses["dbo.usp_UpdateCrossProviderDeviceHistory"].rights == {"EXECUTE"}


def test_what_stands_in_the_portal_s_own_procedures_is_not_asked_for() -> None:
    history = "dbo.CrossProviderDeviceHistory"
    assert history in read_needs("mssql", left_alone=()).of_portal()
    assert history not in read_needs("mssql", left_alone=("usp_UpdateCrossProviderDeviceHistory",)).of_portal()

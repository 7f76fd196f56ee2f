"""Which parameters the adoption reads out of anybody's CREATE PROCEDURE."""

from __future__ import annotations

import pytest

from device_association.installation.procedure_heads import parameters

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

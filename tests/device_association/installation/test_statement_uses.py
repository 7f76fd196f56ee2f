"""What the adoption reads out of our own statements: the columns and the rights that they need."""

from __future__ import annotations

import pytest

from device_association.installation.requirements import ERROR_CODE, read_needs
from device_association.installation.statement_uses import uses


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
    assert needs.uses["device_association.device_lock"].rights == {"SELECT", "INSERT", "DELETE"}
    assert "LastUsageDate" in needs.tables["dbo.Device"]
    assert "LastUsageDate" not in needs.uses["dbo.Device"].words
    assert needs.uses["dbo.usp_UpdateCrossProviderDeviceHistory"].rights == {"EXECUTE"}


def test_what_stands_in_the_portal_s_own_procedures_is_not_asked_for() -> None:
    history = "dbo.CrossProviderDeviceHistory"
    assert history in read_needs("mssql", left_alone=()).of_portal()
    assert history not in read_needs("mssql", left_alone=("usp_UpdateCrossProviderDeviceHistory",)).of_portal()

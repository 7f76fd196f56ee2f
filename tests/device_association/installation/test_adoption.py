"""A portal that is there is adopted: what differs is named, what is ours is added, and nothing of the portal's changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, make_url, text
from typer.testing import CliRunner, Result

from device_association.__main__ import URL_VARIABLE, app
from device_association.database.dialects import SQL_SERVER
from device_association.domain.errors import ClaimLost, ConfigurationError
from device_association.installation import adopt
from device_association.installation.adopt import find_differences, in_the_way
from device_association.installation.catalog import read_catalogue
from device_association.installation.migrate import MARKER, upgrade
from device_association.installation.report import Asked, Finding, Severity
from local.sample_data import groups, world
from local.sample_data.portal_tables import table_names
from tests.flow import Flow, request
from tests.old_portal import OUR_VIEWS, run_each

PLAIN = groups().plain
RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook-cut-over.md"
RUNBOOK_SQL = re.findall(r"```sql\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
ALL_OF_OURS = ["--apply", "--add-error-code"]
DAMAGE = {
    "postgresql": [
        "ALTER TABLE dbo.RevServiceProduct DROP COLUMN Rate",
        "ALTER TABLE dbo.PortalUserRevCustomer RENAME TO OldUserCustomer",
        "ALTER TABLE dbo.DeviceBulkChangeLog ALTER COLUMN ResponseText TYPE varchar(100)",
        "ALTER TABLE dbo.DeviceStatusHistory ALTER COLUMN ICCID TYPE varchar(19)",
        "ALTER TABLE dbo.DeviceActionHistory ALTER COLUMN DateOfChange TYPE varchar(30)",
        "ALTER TABLE dbo.DeviceActionHistory ALTER COLUMN CustomerAccountName SET NOT NULL",
        "ALTER TABLE dbo.DeviceChangeRequest ADD Origin varchar(10) NOT NULL",
        'ALTER TABLE dbo.PortalUser ALTER COLUMN Email TYPE varchar(200) COLLATE "C"',
        'ALTER TABLE dbo.CarrierRatePlan ALTER COLUMN RatePlanCode TYPE varchar(50) COLLATE "C"',
        "DROP PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS",
        "CREATE PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS(bulkChangeId text) LANGUAGE sql AS $$ SELECT 1 $$",
    ],
    "mssql": [
        "ALTER TABLE dbo.RevServiceProduct DROP COLUMN Rate",
        "DROP TABLE dbo.PortalUserRevCustomer",
        "ALTER TABLE dbo.DeviceBulkChangeLog DROP COLUMN ResponseText",
        "ALTER TABLE dbo.DeviceBulkChangeLog ADD ResponseText nvarchar(100) NULL",
        "DROP INDEX ix_devicestatushistory_iccid ON dbo.DeviceStatusHistory",
        "ALTER TABLE dbo.DeviceStatusHistory DROP COLUMN ICCID",
        "ALTER TABLE dbo.DeviceStatusHistory ADD ICCID nvarchar(19) NULL",
        "ALTER TABLE dbo.DeviceActionHistory DROP COLUMN DateOfChange",
        "ALTER TABLE dbo.DeviceActionHistory DROP COLUMN CustomerAccountName",
        "ALTER TABLE dbo.DeviceActionHistory ADD DateOfChange nvarchar(30) NULL",
        "ALTER TABLE dbo.DeviceActionHistory ADD CustomerAccountName nvarchar(200) NOT NULL",
        "ALTER TABLE dbo.DeviceChangeRequest ADD Origin nvarchar(10) NOT NULL",
        "ALTER TABLE dbo.DeviceBulkChangeLog DROP COLUMN ErrorText",
        "ALTER TABLE dbo.DeviceBulkChangeLog ADD ErrorText nvarchar(max) COLLATE Latin1_General_BIN2 NULL",
        "DROP PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS",
        "CREATE PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS @bulkChangeId nvarchar(20) AS SELECT 1",
    ],
}
NAMED = {
    "dbo.PortalUserRevCustomer": "is missing",
    "dbo.RevServiceProduct.Rate": "is missing",
    "dbo.DeviceBulkChangeLog.ResponseText": "too short",
    "dbo.DeviceActionHistory.DateOfChange": "needed is (datetime2|timestamptz)",
    "dbo.DeviceActionHistory.CustomerAccountName": "takes no NULL",
    "dbo.DeviceChangeRequest.Origin": "NOT NULL without a default, and our INSERT leaves it out",
    "dbo.UPDATE_DEVICE_REV_SERVICE_LINKS": r"bulkChangeId is \S+, needed is bigint",
}
WRONG_COLLATION = {"postgresql": "dbo.CarrierRatePlan.RatePlanCode", "mssql": "dbo.DeviceBulkChangeLog.ErrorText"}


def run_command(url: URL, *arguments: str) -> Result:
    return CliRunner(env={URL_VARIABLE: url.render_as_string(hide_password=False)}).invoke(app, ["adopt", *arguments])


def portals_own(portal: Engine) -> dict[str, Any]:
    """Return what the catalogue says about everything in the portal's schema."""
    found = read_catalogue(portal)
    tables = {name: dict(columns) for name, columns in found.columns.items() if name.startswith("dbo.")}
    return {"tables": tables, "triggers": found.triggers, "procedures": found.procedures}


def schemas(portal: Engine) -> set[str]:
    return {name.partition(".")[0] for name in read_catalogue(portal).columns}


def test_a_dry_run_prints_the_difference_and_changes_nothing(old_portal: Engine) -> None:
    before = portals_own(old_portal)
    said = run_command(old_portal.url)
    assert said.exit_code == 1
    printed = said.stdout
    for line in (
        r"MUST +dbo\.M2M_DeviceChange\.ErrorCode +is missing",
        r"-> add it with --add-error-code",
        r"ADDS +device_association +is missing",
        r"ADDS +dbo\.vwDeviceBulkChangeCounts +is missing",
        r"ADVICE +dbo\.M2M_DeviceChange, trigger trg_audit +runs at our writes too",
        r"ADVICE +dbo\.UPDATE_DEVICE_REV_SERVICE_LINKS +is the portal's own, with the same parameters",
        r"1 thing must be done first; nothing was changed",
    ):
        assert re.search(line, printed), line
    said = run_command(old_portal.url, "--add-error-code")
    assert said.exit_code == 0
    assert "nothing stands in the way; --apply adds: " in said.stdout
    assert run_command(old_portal.url, "--apply").exit_code == 1, "without the column nothing is applied at all"
    with pytest.raises(
        ConfigurationError, match=r"a portal's tables, which we did not make.*python -m device_association adopt"
    ):
        upgrade(old_portal.url.render_as_string(hide_password=False))
    assert portals_own(old_portal) == before
    assert schemas(old_portal) == {"dbo"}


def test_told_to_it_adds_only_what_is_ours_and_a_change_then_runs_to_its_end(
    old_portal: Engine, tmp_path: Path
) -> None:
    before = portals_own(old_portal)
    said = run_command(old_portal.url, *ALL_OF_OURS)
    assert said.exit_code == 0
    assert "added: " in said.stdout
    url = old_portal.url.render_as_string(hide_password=False)
    upgrade(url)
    after = portals_own(old_portal)
    del after["tables"]["dbo.vwdevicebulkchangecounts"]
    code = after["tables"]["dbo.m2m_devicechange"].pop("errorcode")
    assert (code.nullable, code.type.size) == (True, 50)
    assert after == before

    said = run_command(old_portal.url, *ALL_OF_OURS)
    assert said.exit_code == 0
    assert "there was nothing to add" in said.stdout
    flow = Flow(old_portal, tmp_path)
    closed = flow.run(request([*PLAIN[:3], *groups().not_found]))
    codes = flow.codes(closed.bulk_change_id)
    assert [codes[iccid] for iccid in PLAIN[:3]] == ["PROCESSED"] * 3
    assert set(codes.values()) == {"PROCESSED", "DEVICE_NOT_FOUND"}
    assert flow.all("dbo", "portalaudit"), "the portal's trigger still runs"
    assert len(flow.all("dbo", "crossproviderdevicehistory")) == 3, "the portal's own procedure ran"


def test_what_does_not_fit_is_named_and_nothing_is_applied(old_portal: Engine) -> None:
    dialect = old_portal.dialect.name
    with old_portal.begin() as connection:
        run_each(connection, *DAMAGE[dialect])
    before = portals_own(old_portal)
    findings = find_differences(old_portal, Asked(add_error_code=True))[1]
    named = {one.subject.lower(): one.problem for one in in_the_way(findings)}
    expected = NAMED | {WRONG_COLLATION[dialect]: "has the collation"}
    assert named.keys() == {subject.lower() for subject in expected}
    for subject, problem in expected.items():
        assert re.search(problem, named[subject.lower()]), subject
    advice = [one.problem for one in findings if one.subject.lower() == "dbo.devicestatushistory.iccid"]
    assert any("which we only read" in one for one in advice)
    said = run_command(old_portal.url, *ALL_OF_OURS)
    assert said.exit_code == 1
    assert "8 things must be done first; nothing was changed" in said.stdout
    assert portals_own(old_portal) == before
    assert schemas(old_portal) == {"dbo"}


def test_only_when_told_to_a_procedure_of_the_portal_s_is_replaced(old_portal: Engine) -> None:
    theirs = read_catalogue(old_portal).procedures
    assert run_command(old_portal.url, *ALL_OF_OURS, "--replace-procedures").exit_code == 0
    ours = read_catalogue(old_portal).procedures
    assert ours.keys() == theirs.keys()
    assert all(MARKER in str(text) for texts in ours.values() for text in texts)
    assert not any(MARKER in str(text) for texts in theirs.values() for text in texts)


def test_an_installation_that_we_built_has_nothing_to_do(portal: Engine) -> None:
    found = find_differences(portal, Asked())[1]
    assert [one.subject for one in found if one.severity is not Severity.ADVICE] == []
    assert portal.dialect.name == SQL_SERVER or found == []
    said = run_command(portal.url, "--apply")
    assert said.exit_code == 0
    assert "there was nothing to add" in said.stdout


def test_a_change_that_the_old_worker_has_is_left_to_it_until_the_runbook_hands_it_over(
    old_portal: Engine, tmp_path: Path
) -> None:
    theirs = unfinished_change(old_portal)
    assert run_command(old_portal.url, *ALL_OF_OURS).exit_code == 0
    flow = Flow(old_portal, tmp_path)
    with pytest.raises(ClaimLost, match="PROCESSING without a claim of ours: another program works on it"):
        flow.open(theirs)
    refused = flow.codes(flow.create(request(PLAIN[:2])).change_id)
    assert refused == {PLAIN[0]: "DEVICE_IN_OTHER_CHANGE", PLAIN[1]: "NEW"}
    open_changes, hand_over, unclaimed, due_plans, open_intents = RUNBOOK_SQL
    assert theirs in found_ids(old_portal, open_changes)
    assert theirs in found_ids(old_portal, unclaimed)
    with old_portal.begin() as connection:
        for one in hand_over.split(";"):
            if one.strip():
                connection.execute(text(one), {"bulk_change_id": theirs})
    assert flow.open(theirs).bulk_change_id == theirs
    assert theirs not in found_ids(old_portal, unclaimed)
    assert found_ids(old_portal, due_plans) == []
    assert found_ids(old_portal, open_intents) == []


def found_ids(portal: Engine, query: str) -> list[int]:
    """Return the first column of what a query of the runbook finds."""
    with portal.connect() as connection:
        return [int(one[0]) for one in connection.execute(text(query))]


def unfinished_change(portal: Engine) -> int:
    """Write a change as the old worker leaves it while it works: PROCESSING, one row of it open."""
    with portal.begin() as connection:
        run_each(
            connection,
            "INSERT INTO dbo.DeviceBulkChange (ChangeRequestTypeId, ServiceProviderId, TenantId, Status) "
            f"VALUES (4, {world.JASPER}, 1, 'PROCESSING')",
            "INSERT INTO dbo.M2M_DeviceChange (BulkChangeId, DeviceId, ICCID, Status) "
            f"SELECT MAX(c.id), 1, '{PLAIN[0]}', 'PROCESSING' FROM dbo.DeviceBulkChange AS c",
        )
    return max(int(one["id"]) for one in Flow(portal, Path()).all("dbo", "devicebulkchange"))


FEW_RIGHTS = f"few_rights_{os.getpid()}"
MAKE_LOGIN = {
    "postgresql": [
        f"CREATE ROLE {FEW_RIGHTS} LOGIN",
        f"GRANT USAGE ON SCHEMA dbo, device_association TO {FEW_RIGHTS}",
        "REVOKE EXECUTE ON PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS FROM PUBLIC",
    ],
    "mssql": [
        f"CREATE LOGIN {FEW_RIGHTS} WITH PASSWORD = 'Few-R1ghts'",
        f"CREATE USER {FEW_RIGHTS} FOR LOGIN {FEW_RIGHTS}",
    ],
}
DROP_LOGIN = {
    "postgresql": [f"DROP OWNED BY {FEW_RIGHTS}", f"DROP ROLE {FEW_RIGHTS}"],
    "mssql": [f"DROP USER {FEW_RIGHTS}", f"DROP LOGIN {FEW_RIGHTS}"],
}


@pytest.fixture
def limited_login(portal: Engine) -> Iterator[URL]:
    """Give the address of the portal for a login that may read the tables and do nothing else."""
    tables = [*table_names(), "dbo.vwDeviceBulkChangeCounts", *OUR_VIEWS]
    dialect = portal.dialect.name
    with portal.begin() as connection:
        run_each(connection, *MAKE_LOGIN[dialect], *(f"GRANT SELECT ON {one} TO {FEW_RIGHTS}" for one in tables))
    yield portal.url.set(username=FEW_RIGHTS, password="Few-R1ghts")
    with portal.begin() as connection:
        run_each(connection, *(f"REVOKE SELECT ON {one} FROM {FEW_RIGHTS}" for one in tables), *DROP_LOGIN[dialect])


def test_a_login_is_told_which_rights_it_lacks(limited_login: URL) -> None:
    said = run_command(limited_login)
    assert said.exit_code == 1
    printed = said.stdout
    assert re.search(rf"MUST +dbo\.M2M_DeviceChange +{FEW_RIGHTS} lacks INSERT, UPDATE", printed)
    assert f"-> GRANT INSERT, UPDATE ON dbo.M2M_DeviceChange TO {FEW_RIGHTS}" in printed
    assert re.search(r"GRANT EXECUTE ON (PROCEDURE )?dbo\.UPDATE_DEVICE_REV_SERVICE_LINKS", printed)
    assert re.search(rf"MUST +device_association\.device_lock +{FEW_RIGHTS} lacks DELETE, INSERT", printed)
    assert re.search(r"UNCHECKED +device_association +has all our tables; its version could not be checked", printed)
    assert "lacks SELECT" not in printed


@pytest.mark.parametrize("argument", ["--overwrite", "now"])
def test_wrong_usage_is_told_apart(argument: str) -> None:
    assert run_command(make_url("postgresql+psycopg2://nobody@127.0.0.1:1/portal"), argument).exit_code == 2


@pytest.mark.parametrize("command", ["migrate", "adopt", "health"])
def test_without_an_address_it_says_which_variable_to_set(command: str) -> None:
    said = CliRunner(env={URL_VARIABLE: None}).invoke(app, [command])
    assert said.exit_code == 2
    assert URL_VARIABLE in said.stderr


def test_nothing_is_applied_while_something_stands_in_the_way(portal: Engine) -> None:
    stands = [Finding(Severity.MUST, "dbo.Device", "is missing", "make it")]
    assert in_the_way(stands) == stands
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        adopt.apply(portal, stands, Asked())

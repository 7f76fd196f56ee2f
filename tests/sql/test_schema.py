"""The invariants that the database itself holds: each test shows a constraint refuse."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from device_association.installation.migrate import reinstall_procedures, upgrade
from device_association.service_lines import plan
from local.sample_data import groups
from tests.flow import NOW, Flow, request

PLAIN = groups().plain


def refuses(flow: Flow, constraint: str) -> pytest.RaisesExc[DBAPIError]:
    """Expect the database to refuse; SQL Server makes up names for constraints, so there only the kind is compared."""
    is_postgres = flow.portal.dialect.name == "postgresql"
    return pytest.raises(DBAPIError, match=constraint if is_postgres else r"(?i)constraint|duplicate key|unique")


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"status": "PROCESSED"}, "m2m_devicechange_check"),
        ({"isprocessed": 1}, "m2m_devicechange_check"),
        ({"status": "ERROR", "isprocessed": 1}, "m2m_devicechange_check1"),
        ({"status": "DONE"}, "m2m_devicechange_status_check"),
    ],
)
def test_a_row_s_final_flag_and_status_agree(flow: Flow, values: dict[str, Any], constraint: str) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    table = flow.table("dbo", "m2m_devicechange")
    with refuses(flow, constraint), flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.bulkchangeid == change).values(**values))


def test_an_iccid_is_in_a_change_once(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    row = {"bulkchangeid": change, "iccid": PLAIN[0], "status": "NEW"}
    with refuses(flow, "bulkchangeid_iccid"), flow.portal.begin() as connection:
        connection.execute(insert(flow.table("dbo", "m2m_devicechange")).values(**row))


def test_a_device_has_one_open_history_row_in_a_tenant(flow: Flow) -> None:
    row = {"deviceid": 1, "tenantid": 1, "effectivefrom": NOW}
    table = flow.table("dbo", "crossproviderdevicehistory")
    with refuses(flow, "deviceid_tenantid_effectiveto"), flow.portal.begin() as connection:
        connection.execute(insert(table), [row, row])


def test_a_sim_has_one_open_intent_in_an_account(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    table = flow.table("device_association", "line_intent")
    intent = {name: value for name, value in flow.all("device_association", "line_intent")[0].items() if name != "id"}
    with refuses(flow, "ux_line_intent_open"), flow.portal.begin() as connection:
        connection.execute(insert(table).values(**intent))


def test_a_result_s_counts_add_up(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    counts = {"devices": 3, "processed": 1, "errors": 1, "apifailed": 0, "canceled": 0}
    row = {"bulkchangeid": change, "retrynumber": 0, "status": "ERROR", "createddate": NOW} | counts
    with refuses(flow, "change_result_check"), flow.portal.begin() as connection:
        connection.execute(insert(flow.table("device_association", "change_result")).values(**row))


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"outcome": "SUPERSEDED"}, "plan_outcome_check"),
        ({"detail": "no reason"}, "plan_outcome_check"),
        ({"outcome": "LOST", "detail": "who knows"}, "plan_outcome_outcome_check"),
        ({"queueid": 7}, "plan_outcome_pkey"),
    ],
)
def test_a_scheduled_plan_has_one_outcome_and_a_refused_one_its_reason(
    flow: Flow, values: dict[str, Any], constraint: str
) -> None:
    applied = {"deviceid": 1, "tenantid": 1, "batchid": str(uuid4()), "outcome": "APPLIED", "decideddate": NOW}
    table = flow.table("device_association", "plan_outcome")
    with flow.portal.begin() as connection:
        connection.execute(insert(table).values(queueid=7, **applied))
    with refuses(flow, constraint), flow.portal.begin() as connection:
        connection.execute(insert(table).values(**({"queueid": 8} | applied | values)))


def test_the_counts_view_adds_up(flow: Flow) -> None:
    change = flow.create(request([*PLAIN[:3], *groups().not_found])).change_id
    counts = flow.all("dbo", "vwdevicebulkchangecounts", bulkchangeid=change)[0]
    assert (counts["changecount"], counts["remainingcount"], counts["errorcount"]) == (6, 3, 3)


def test_upgrading_and_reinstalling_twice_changes_nothing(flow: Flow) -> None:
    upgrade(flow.portal.url.render_as_string(hide_password=False))
    reinstall_procedures(flow.portal)
    assert len(flow.all("dbo", "device")) == 3000

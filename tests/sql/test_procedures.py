"""The stored procedures: what each changes, and that a second run changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from device_association.database.execution import run
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

PLAIN = groups().plain
MARK_ROW = {
    "postgresql": "CALL dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange(CAST(:id AS bigint), CAST(:r AS smallint), :d)",
    "mssql": "EXEC dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange @ChangeId = :id, @apiCallResult = :r, "
    "@statusDetails = :d",
}
HISTORY = ("dbo", "crossproviderdevicehistory")


def associate(flow: Flow, count: int = 1, **more: Any) -> int:
    """Associate devices without a line and return the change."""
    return flow.run(request(PLAIN[:count], CreateRevService=False, **more)).bulk_change_id


def call_history(flow: Flow, ids: str, effective: datetime | None) -> None:
    with flow.portal.begin() as connection:
        run(
            connection,
            "associations/call_update_cross_provider_device_history",
            m2m_device_ids=ids,
            tenant_id=1,
            service_provider_id=1,
            effective_date=effective,
        )


def call_links(flow: Flow, change: int | None) -> None:
    with flow.portal.begin() as connection:
        run(connection, "associations/call_update_device_rev_service_links", bulk_change_id=change)


def give_plan(flow: Flow, plan: int) -> None:
    table = flow.table("dbo", "device_tenant")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.deviceid == 1).values(customerrateplanid=plan))


def add_line(flow: Flow, line_id: int, **values: Any) -> int:
    line = {
        "revserviceid": line_id,
        "revcustomerid": world.customer_id(world.ACME),
        "integrationauthenticationid": world.ACCOUNT,
        "number2": PLAIN[0],
        "activateddate": NOW,
    } | values
    with flow.portal.begin() as connection:
        connection.execute(insert(flow.table("dbo", "revservice")).values(**line))
    return int(flow.all("dbo", "revservice", revserviceid=line_id)[0]["id"])


def linked(flow: Flow) -> int | None:
    found: int | None = flow.all("dbo", "device_tenant", deviceid=1)[0]["revserviceid"]
    return found


def test_the_history_of_a_device_starts_on_its_activation_date(flow: Flow) -> None:
    associate(flow)
    opened = flow.all(*HISTORY)
    assert [(one["effectivefrom"], one["effectiveto"]) for one in opened] == [
        (flow.all("dbo", "device", id=1)[0]["dateactivated"], None)
    ]


def test_a_change_closes_the_open_row_where_the_next_begins(flow: Flow) -> None:
    associate(flow)
    give_plan(flow, 1)
    call_history(flow, "1", NOW)
    rows = sorted(flow.all(*HISTORY, deviceid=1), key=lambda one: one["effectivefrom"])
    assert [(one["effectiveto"], one["customerrateplanid"]) for one in rows] == [(NOW, None), (None, 1)]
    assert rows[1]["effectivefrom"] == NOW


def test_a_second_run_of_the_history_changes_nothing(flow: Flow) -> None:
    associate(flow, 3)
    before = flow.all(*HISTORY)
    call_history(flow, "1,2,3,,3", NOW)
    assert flow.all(*HISTORY) == before


def test_on_the_same_instant_or_before_it_the_open_row_is_changed_in_place(flow: Flow) -> None:
    associate(flow)
    for plan, when in ((1, flow.all(*HISTORY)[0]["effectivefrom"]), (2, NOW - timedelta(days=9999))):
        give_plan(flow, plan)
        call_history(flow, "1", when)
        assert [one["customerrateplanid"] for one in flow.all(*HISTORY)] == [plan]


def test_a_device_is_linked_to_its_customer_s_newest_active_line(flow: Flow) -> None:
    change = associate(flow)
    add_line(flow, 1, activateddate=NOW - timedelta(days=10))
    newest = add_line(flow, 2)
    add_line(flow, 3, activateddate=NOW + timedelta(days=1), disconnecteddate=NOW - timedelta(days=1))
    add_line(flow, 4, revcustomerid=world.customer_id(world.BOREALIS), activateddate=NOW + timedelta(days=2))
    call_links(flow, change)
    assert linked(flow) == newest


def test_a_recycled_number_never_links_another_sim_s_line(flow: Flow) -> None:
    change = associate(flow)
    add_line(flow, 1, number=world.msisdn(1), number2=PLAIN[9])
    call_links(flow, change)
    assert linked(flow) is None
    own = add_line(flow, 2, number=world.msisdn(1), number2=None)
    call_links(flow, change)
    assert linked(flow) == own


def test_a_link_to_a_disconnected_line_is_cleared_and_a_second_run_touches_nothing(flow: Flow) -> None:
    associate(flow)
    line = add_line(flow, 1)
    call_links(flow, None)
    assert linked(flow) == line
    before = flow.all("dbo", "device_tenant")
    call_links(flow, None)
    assert flow.all("dbo", "device_tenant") == before
    table = flow.table("dbo", "revservice")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.id == line).values(disconnecteddate=NOW - timedelta(days=400)))
    call_links(flow, None)
    assert linked(flow) is None


@pytest.mark.parametrize(("result", "status"), [(1, "PROCESSED"), (0, "API_FAILED")])
def test_one_row_is_marked_once_and_never_overwritten(flow: Flow, result: int, status: str) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    row = flow.all("dbo", "m2m_devicechange", bulkchangeid=change)[0]["id"]
    for said, outcome in (("first", result), ("second", 1 - result)):
        with flow.portal.begin() as connection:
            connection.execute(text(MARK_ROW[connection.dialect.name]), {"id": row, "r": outcome, "d": said})
    found = flow.all("dbo", "m2m_devicechange", id=row)[0]
    assert (found["status"], found["statusdetails"]) == (status, "first")

"""What the portal shows of bulk changes, to whom, page by page."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import Engine, text

from device_association.portal.csv_export import defused
from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.portal_client import Portal

PLAIN = groups().plain
REFUSED = [groups().not_found[0], groups().archived[0], groups().invalid[0]]


@pytest.fixture
def ended(flow: Flow) -> int:
    """Give a change that ended with 20 devices processed and three refused."""
    return flow.run(request([*PLAIN[:20], *REFUSED])).bulk_change_id


def pages(api: Portal, path: str, key: str, user: str = "dora.ops", cursor: str = "After") -> list[dict[str, Any]]:
    """Return everything behind an address, page by page."""
    found: list[dict[str, Any]] = []
    following: Any = None
    while True:
        answer = api.get(path, user, params={"Limit": 7} | ({cursor: following} if following else {})).json()
        found += answer[key]
        following = answer["Next"]
        if following is None:
            return found


def test_the_list_shows_each_change_with_counts_that_add_up(api: Portal, flow: Flow, ended: int) -> None:
    waiting = flow.create(request(PLAIN[30:32])).change_id
    found = api.get("/BulkChanges").json()["BulkChanges"]
    assert [one["BulkChangeId"] for one in found[:2]] == [waiting, ended]
    assert found[1]["Status"] == "PARTIALLY_PROCESSED"
    assert found[1]["CustomerName"] == "Acme Fleet"
    assert found[1]["Counts"] == {
        "NEW": 0,
        "PROCESSING": 0,
        "PROCESSED": 20,
        "ERROR": 3,
        "API_FAILED": 0,
        "CANCELED": 0,
        "TOTAL": 23,
    }


def test_filters_choose_and_pages_follow_each_other(api: Portal, flow: Flow, ended: int) -> None:
    made = [flow.create(request([one])).change_id for one in PLAIN[30:50]]
    listed = pages(api, "/BulkChanges", "BulkChanges", cursor="Before")
    ids = [one["BulkChangeId"] for one in listed]
    assert ids == sorted(ids, reverse=True)
    assert {ended, *made} <= set(ids)
    chosen = api.get("/BulkChanges", params={"Status": "PARTIALLY_PROCESSED"}).json()["BulkChanges"]
    assert [one["BulkChangeId"] for one in chosen] == [ended]
    assert api.get("/BulkChanges", params={"CreatedBy": "nobody"}).json()["BulkChanges"] == []
    other = flow.create(request(PLAIN[50:51], RevCustomerId=world.BOREALIS)).change_id
    for part in ("borealis", "ALIS C", world.BOREALIS):
        found = api.get("/BulkChanges", params={"Customer": part}).json()["BulkChanges"]
        assert [one["BulkChangeId"] for one in found] == [other]
    assert api.get("/BulkChanges", params={"Customer": "%"}).json()["BulkChanges"] == []
    assert api.get("/BulkChanges", params={"Since": "2027-01-01T00:00:00Z"}).json()["BulkChanges"] == []
    assert api.get("/BulkChanges", params={"Until": "2027-01-01T00:00:00Z"}).json()["BulkChanges"]


def test_one_change_shows_its_codes_steps_and_estimate(api: Portal, flow: Flow, ended: int) -> None:
    shown = api.get(f"/BulkChanges/{ended}").json()
    assert (shown["Success"], shown["Status"], shown["EstimateSeconds"]) == (True, "PARTIALLY_PROCESSED", None)
    assert sum(one["Devices"] for one in shown["Codes"]) == shown["Counts"]["TOTAL"] == 23
    assert {one["Code"] for one in shown["Codes"]} == {
        *("PROCESSED", "DEVICE_NOT_FOUND", "DEVICE_ARCHIVED", "INVALID_ICCID")
    }
    assert "validate_devices" in [one["Step"] for one in shown["Steps"]]
    waiting = api.get(f"/BulkChanges/{flow.create(request(PLAIN[30:80])).change_id}").json()
    assert (waiting["EstimateSeconds"], waiting["WaitsForQueue"]) == (6, False)


def test_a_change_whose_message_could_not_be_sent_says_that_it_waits(api: Portal) -> None:
    api.queue.dead = True
    change_id = api.post("/AssociateCustomer", request(PLAIN[:1])).json()["ChangeId"]
    assert api.get(f"/BulkChanges/{change_id}").json()["WaitsForQueue"] is True


def test_devices_come_in_the_order_of_the_request_by_state_and_code(api: Portal, ended: int) -> None:
    path = f"/BulkChanges/{ended}/devices"
    assert [one["ICCID"] for one in pages(api, path, "Devices")] == [*PLAIN[:20], *REFUSED]
    done = api.get(path, params={"Status": "PROCESSED", "Limit": 100}).json()["Devices"]
    assert [one["ICCID"] for one in done] == list(PLAIN[:20])
    for params in ({"Code": "DEVICE_ARCHIVED"}, {"Status": "ERROR", "Code": "DEVICE_ARCHIVED"}):
        (refused,) = api.get(path, params=params).json()["Devices"]
        assert (refused["ICCID"], refused["Code"]) == (REFUSED[1], "DEVICE_ARCHIVED")
        assert refused["Message"].startswith("DEVICE_ARCHIVED: ")


def test_a_page_begins_behind_its_row_whatever_is_open_or_final(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request([*REFUSED[:2], *PLAIN[:20]])).change_id
    found = pages(api, f"/BulkChanges/{change_id}/devices", "Devices")
    assert [one["ICCID"] for one in found] == [*REFUSED[:2], *PLAIN[:20]]


def test_the_log_tells_every_step_once(api: Portal, flow: Flow, ended: int) -> None:
    found = pages(api, f"/BulkChanges/{ended}/log", "Log")
    assert len(found) == len(flow.all("dbo", "devicebulkchangelog", bulkchangeid=ended))
    assert [one["LogId"] for one in found] == sorted(one["LogId"] for one in found)
    assert "close_bulk_change" in {one["Step"] for one in found}


@pytest.mark.parametrize(("results", "iccids"), [("succeeded", PLAIN[:20]), ("failed", REFUSED), ("not-attempted", [])])
def test_each_result_file_holds_its_devices(api: Portal, ended: int, results: str, iccids: list[str]) -> None:
    answer = api.get(f"/BulkChanges/{ended}/results/{results}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="bulk-change-{ended}-{results}.csv"' in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(one["ICCID"] for one in lines) == sorted(iccids)


def test_no_cell_of_a_result_file_runs_in_a_spreadsheet(api: Portal, flow: Flow) -> None:
    nasty = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "a comma,here"]
    change_id = flow.create(request(nasty)).change_id
    answer = api.get(f"/BulkChanges/{change_id}/results/failed.csv")
    cells = {one["ICCID"] for one in csv.DictReader(io.StringIO(answer.text))}
    assert cells == {"'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(1)", "a comma,here"}
    assert [defused(one) for one in ("\t=1", " =1", "＝1", None, 7)] == ["'\t=1", "' =1", "'＝1", "", "7"]


def test_a_change_of_a_sub_tenant_is_seen_from_above_and_not_from_below(api: Portal, flow: Flow) -> None:
    below = flow.create(
        request([groups().inherited[0]], RevCustomerId=world.GULF, CreateRevService=False), user="finn.fleet"
    ).change_id
    above = flow.create(request(PLAIN[:1])).change_id
    assert api.get(f"/BulkChanges/{below}", "finn.fleet").status_code == 200
    assert api.get(f"/BulkChanges/{below}", "dora.ops").status_code == 200
    assert api.get(f"/BulkChanges/{above}", "finn.fleet").status_code == 404
    assert api.get(f"/BulkChanges/{below}", "olga.other").status_code == 404


def test_who_may_use_some_customers_only_sees_their_changes_only(api: Portal, flow: Flow, portal: Engine) -> None:
    theirs = flow.create(request(PLAIN[:1])).change_id
    others = flow.create(request(PLAIN[1:2], RevCustomerId=world.BOREALIS)).change_id
    ids = [one["BulkChangeId"] for one in api.get("/BulkChanges", "carl.clerk").json()["BulkChanges"]]
    assert ids == [theirs]
    assert api.get(f"/BulkChanges/{others}", "carl.clerk").status_code == 404
    with portal.begin() as connection:
        connection.execute(text("UPDATE dbo.PortalUserRevCustomer SET IsDeleted = 1"))
    assert api.get("/BulkChanges", "carl.clerk").json()["BulkChanges"] == []


@pytest.mark.only_reads
@pytest.mark.parametrize("rest", ["", "/devices", "/log", "/results/failed.csv"])
@pytest.mark.parametrize(
    ("change_id", "status"), [("999999999", 404), ("0", 422), ("x", 422), ("9" * 30, 422), ("..%2f1", 404)]
)
def test_an_id_that_is_none_is_refused(api: Portal, rest: str, change_id: str, status: int) -> None:
    refused = api.get(f"/BulkChanges/{change_id}{rest}")
    assert (refused.status_code, refused.json()["Success"]) == (status, False)


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/BulkChanges", {"Colour": "red"}, "Colour"),
        ("/BulkChanges", {"Status": "' OR 1=1"}, "Status"),
        ("/BulkChanges", {"CreatedBy": "a\0b"}, "CreatedBy"),
        ("/BulkChanges", {"CreatedBy": "x" * 201}, "CreatedBy"),
        ("/BulkChanges", {"Since": "2026-01-01T00:00:00"}, "Since"),
        ("/BulkChanges", {"Until": "1752-01-01T00:00:00Z"}, "Until"),
        ("/BulkChanges", {"Limit": "0"}, "Limit"),
        ("/BulkChanges", {"Before": "9" * 30}, "Before"),
        ("/BulkChanges/1/devices", {"Code": "x' --"}, "Code"),
        ("/BulkChanges/1/devices", {"Limit": "501"}, "Limit"),
        ("/BulkChanges/1/log", {"After": "-1"}, "After"),
    ],
)
def test_a_wrong_parameter_is_named(api: Portal, path: str, params: dict[str, str], field: str) -> None:
    refused = api.get(path, params=params)
    assert refused.status_code == 422
    assert [(one["Code"], one["Field"]) for one in refused.json()["Errors"]] == [("INVALID_REQUEST", field)]


def test_sql_in_a_filter_is_a_name_that_nobody_has(api: Portal, ended: int) -> None:
    nasty = "x'; DROP TABLE dbo.Device; --"
    assert api.get("/BulkChanges", params={"CreatedBy": nasty}).json()["BulkChanges"] == []
    assert api.get(f"/BulkChanges/{ended}").status_code == 200

"""The findings in the portal: who sees which, page by page, as a file and on a screen."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import Engine

from device_association.findings.store import FINDING_ADVICE, Finding, FindingKind, report
from local.sample_data import world
from tests.flow import NOW
from tests.portal_client import Portal

EVIL = "=cmd|' /C calc'!A0 <script>alert(1)</script>"


def tell(portal: Engine, *findings: Finding) -> None:
    with portal.begin() as connection:
        report(connection, findings, now=NOW)


def double_line(number: int, tenant: int | None = world.NORTHWIND, detail: str = "two lines") -> Finding:
    sim, kind = world.iccid(number), FindingKind.TWO_ACTIVE_LINES
    return Finding(
        kind, f"device {number}", detail, account_id=world.ACCOUNT, tenant_id=tenant, iccid=sim, service_id=7
    )


REPAIRED = Finding(FindingKind.LINK_MISSING, "device 9", "linked", is_repaired=True, tenant_id=world.NORTHWIND)


def test_a_caller_sees_what_concerns_the_own_tenant_and_its_sub_tenants(api: Portal, portal: Engine) -> None:
    tell(portal, double_line(1), double_line(2, world.FLEET), double_line(3, world.CONTOSO), double_line(4, None))
    for user, seen in (("dora.ops", {1, 2}), ("finn.fleet", {2}), ("olga.other", {3}), ("vic.viewer", {1, 2})):
        answer = api.get("/Findings", user).json()
        assert {one["ICCID"] for one in answer["Findings"]} == set(map(world.iccid, seen)), user


def test_who_is_limited_to_some_customers_is_told_so(screens: Portal, portal: Engine) -> None:
    tell(portal, double_line(1))
    for path in ("/Findings", "/Findings.csv", "/ui/findings"):
        answer = screens.get(path, "carl.clerk")
        assert answer.status_code == 403
        assert world.iccid(1) not in answer.text
        assert "may see some customers only" in answer.text.replace("\n", " ")
    assert "/ui/findings" not in screens.get("/ui/changes", "carl.clerk").text
    assert "/ui/findings" in screens.get("/ui/changes", "vic.viewer").text


def test_each_finding_comes_with_what_to_do(api: Portal, portal: Engine) -> None:
    tell(portal, double_line(1))
    (found,) = api.get("/Findings").json()["Findings"]
    assert found["ToDo"] == FINDING_ADVICE[FindingKind.TWO_ACTIVE_LINES]
    assert (found["Kind"], found["Account"], found["Line"]) == ("TWO_ACTIVE_LINES", "northwind", 7)


def test_pages_follow_each_other_and_filters_hold(api: Portal, portal: Engine) -> None:
    tell(portal, *map(double_line, range(1, 6)), REPAIRED)
    assert len(api.get("/Findings").json()["Findings"]) == 5
    everything = {"OpenOnly": "false"}
    first = api.get("/Findings", params={"Limit": 4} | everything).json()
    rest = api.get("/Findings", params={"Limit": 4, "Before": first["Next"]} | everything).json()
    ids = [one["FindingId"] for one in first["Findings"] + rest["Findings"]]
    assert (len(ids), ids, rest["Next"]) == (6, sorted(ids, reverse=True), None)
    repaired = api.get("/Findings", params={"Kind": "LINK_MISSING"} | everything).json()["Findings"]
    assert [one["Subject"] for one in repaired] == ["device 9"]
    assert api.get("/Findings", params={"Kind": "LINK_MISSING"}).json()["Findings"] == []


@pytest.mark.only_reads
@pytest.mark.parametrize(
    "sent", [{"Kind": "NONSENSE"}, {"OpenOnly": "perhaps"}, {"Before": "0"}, {"Limit": "501"}, {"X": 1}]
)
def test_what_no_filter_takes_is_refused(screens: Portal, sent: dict[str, str]) -> None:
    assert screens.get("/Findings", params=sent).status_code == 422
    assert screens.get("/ui/findings", params=sent).status_code == 422


def test_the_file_has_every_finding_and_no_cell_of_it_runs(api: Portal, portal: Engine) -> None:
    tell(portal, double_line(1, detail=EVIL), double_line(2), REPAIRED)
    answer = api.get("/Findings.csv", params={"OpenOnly": "false"})
    assert answer.headers["content-disposition"] == 'attachment; filename="findings.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [one["Subject"] for one in rows] == ["device 9", "device 2", "device 1"]
    assert rows[2]["Detail"] == f"'{EVIL}"
    assert [one["Repaired"] for one in rows] == ["1", "0", "0"]
    assert len(list(csv.DictReader(io.StringIO(api.get("/Findings.csv").text)))) == 2


def test_the_screen_shows_what_to_do_and_runs_nothing(screens: Portal, portal: Engine) -> None:
    tell(portal, double_line(1, detail=EVIL))
    page = screens.get("/ui/findings")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    for words in ("Two active lines", "The SIM is billed twice", world.iccid(1), "northwind", "Open", "/Findings.csv"):
        assert words in page.text


def test_the_screen_says_when_there_is_nothing(screens: Portal, portal: Engine) -> None:
    assert "Nothing to look at" in screens.get("/ui/findings").text
    tell(portal, REPAIRED)
    assert "Nothing to look at" in screens.get("/ui/findings").text
    assert "Repaired" in screens.get("/ui/findings", params={"OpenOnly": "false"}).text
    assert "No finding matches" in screens.get("/ui/findings", params={"Kind": "PRODUCT_MISSING"}).text


def test_a_screen_with_many_leads_to_the_next_page(screens: Portal, portal: Engine) -> None:
    tell(portal, *map(double_line, range(1, 61)))
    first = screens.get("/ui/findings").text
    assert 'rel="next"' in first
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert 'rel="next"' not in screens.get(following.removeprefix("/M2M")).text

"""The portal's screens: who sees which, what stands on them, and that nothing on them runs or comes from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from device_association.domain.advice import ADVICE, advice
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import DatabaseUnavailable
from device_association.portal.changes import StepTimes
from device_association_airflow import page_templates, page_words, portal_caller
from device_association_airflow.portal_app import portal_app
from device_association_airflow.portal_pages import PAGE, pages_app
from device_association_plugin import DeviceAssociationPlugin
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request, settings
from tests.page import Page
from tests.portal_client import Portal

PLAIN = groups().plain
REFUSED = [groups().not_found[0], groups().archived[0], "12345"]
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
CHANGES, DEVICES, ASSOCIATE = "/ui/changes", "/ui/devices", "/ui/associate"
FINDINGS, LETTERS, APPROVAL = "/ui/findings", "/ui/dead-letters", "/ui/approval"


@pytest.fixture
def screens(api: Portal, tmp_path: Path) -> Iterator[Portal]:
    """Give the portal with its screens, whose reports are in a folder of the test's own."""
    pages_app.dependency_overrides = portal_app.dependency_overrides | {
        portal_caller.portal_settings: lambda: settings(max_devices=1000, data_docs_dir=tmp_path)
    }
    yield api
    pages_app.dependency_overrides = {}


@pytest.fixture
def ended(flow: Flow) -> int:
    """Give a change that ended with 20 devices processed and three refused."""
    return flow.run(request([*PLAIN[:20], *REFUSED], Reason="ticket 4711")).bulk_change_id


def look(screens: Portal, path: str, user: str = "dora.ops", **more: Any) -> Page:
    answer = screens.get(path, user, **more)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def every_page(ended: int) -> list[str]:
    return [
        CHANGES,
        f"{CHANGES}/{ended}",
        DEVICES,
        f"{DEVICES}/{PLAIN[0]}",
        ASSOCIATE,
        FINDINGS,
        LETTERS,
        APPROVAL,
        f"{CHANGES}/999999",
        DEVICES + "/1",
    ]


@pytest.mark.only_reads
def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(screens: Portal) -> None:
    for path in (CHANGES, DEVICES, ASSOCIATE, FINDINGS, "/ui/nowhere/at/all"):
        answer = screens.get(path, None, params={"Status": "NEW"}, follow_redirects=False)
        if path.startswith("/ui/nowhere"):
            assert answer.status_code == 404
        else:
            assert answer.status_code == 302
            assert answer.headers["location"] == (f"/api/v2/auth/login?next={path.replace('/', '%2F')}%3FStatus%3DNEW")


@pytest.mark.parametrize(
    ("user", "sees", "associates"),
    [
        ("dora.ops", 200, 200),
        ("carl.clerk", 200, 200),
        ("vic.viewer", 200, 403),
        ("olga.other", 404, 200),
        ("finn.fleet", 404, 200),
        ("nobody", 403, 403),
    ],
)
def test_each_caller_sees_the_own_pages_only(
    screens: Portal, ended: int, user: str, sees: int, associates: int
) -> None:
    assert screens.get(f"{CHANGES}/{ended}", user).status_code == sees
    assert screens.get(f"{DEVICES}/{PLAIN[0]}", user).status_code == sees
    assert screens.get(ASSOCIATE, user).status_code == associates
    listed = screens.get(CHANGES, user)
    assert listed.status_code == (403 if user == "nobody" else 200)
    assert (f"{CHANGES}/{ended}" in listed.text) is (sees == 200)


def test_every_page_is_one_that_the_tests_know() -> None:
    assert {route.path for route in pages_app.routes if isinstance(route, APIRoute)} == {
        *("/", "/assets/{name}", "/associate", "/changes", "/changes/{change_id}", "/devices", "/devices/{iccid}"),
        "/findings",
        "/dead-letters",
        "/approval",
    }


def test_a_page_offers_only_what_its_caller_may_do(screens: Portal, ended: int) -> None:
    for user, may_retry, may_create in (
        ("dora.ops", True, True),
        ("carl.clerk", False, True),
        ("vic.viewer", False, False),
    ):
        page = look(screens, f"{CHANGES}/{ended}", user)
        assert any(one.get("data-opens") == "retry" for one in page.all("button")) is may_retry
        assert bool(page.all("dialog")) is may_retry
        assert (ASSOCIATE in page.addresses) is may_create


def test_nothing_on_any_page_comes_from_elsewhere_or_runs_inline(screens: Portal, ended: int) -> None:
    for path in every_page(ended):
        answer = screens.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        page = Page(answer.text)
        assert page.addresses
        assert [one for one in page.addresses if not one.startswith(("/", "#"))] == []
        assert [one for one in page.addresses if one.startswith("//")] == []
        inline = [one for one in page.all("script") if "src" not in one and one.get("type") != "application/json"]
        assert (inline, page.all("style")) == ([], [])
        assert [name for _, one in page.elements for name in one if name == "style" or name.startswith("on")] == []


def test_every_asset_is_served_whole_and_names_no_other_place(screens: Portal, ended: int) -> None:
    named = {one for path in every_page(ended) for one in Page(screens.get(path).text).addresses if "/assets/" in one}
    assert len(named) >= 7
    for address in named:
        answer = screens.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name, content in page_templates.ASSETS.items():
        outside = re.findall(r"https?://[^\"'\s)]+|@import|url\(", content.decode())
        assert [one for one in outside if one != "http://www.w3.org/2000/svg"] == [], name
    assert screens.get("/ui/assets/..%2fportal_pages.py").status_code == 404
    assert screens.get("/ui/assets/none.js").status_code == 404


def test_markup_in_names_reasons_and_iccids_is_text(screens: Portal, flow: Flow, portal: Engine) -> None:
    with portal.begin() as connection:
        for statement in (
            "UPDATE dbo.RevCustomer SET CustomerName = :evil",
            "UPDATE dbo.Tenant SET Name = :evil WHERE id = 1",
            "UPDATE dbo.ServiceProvider SET DisplayName = :evil",
            "UPDATE dbo.DeviceStatus SET DisplayName = :evil",
        ):
            connection.execute(text(statement), {"evil": EVIL[:50]})
    sent = request([*PLAIN[:3], EVIL.replace('"', "")[:50]], Reason=EVIL)
    ended = flow.run(sent).bulk_change_id
    for path in every_page(ended):
        page = Page(screens.get(path).text)
        assert page.all("img") == []
        assert all("src" in one or one.get("type") == "application/json" for one in page.all("script"))
    assert EVIL in look(screens, f"{CHANGES}/{ended}").said
    refused = screens.get(CHANGES, params={"CreatedBy": EVIL})
    assert EVIL in [one.get("value") for one in Page(refused.text).all("input")]


def test_the_list_shows_state_counts_actor_and_age(screens: Portal, ended: int) -> None:
    screens.now = NOW + timedelta(hours=3)
    page = look(screens, CHANGES)
    for words in (f"#{ended}", "Partly done", "Acme Fleet", "20 of 23", "3 failed", "dora.ops", "3 hours ago"):
        assert words in page.said
    (bar,) = [one for one in page.all("svg") if "20 succeeded" in one["aria-label"]]
    assert bar["aria-label"] == "20 succeeded, 3 failed of 23"


def test_the_list_is_filtered_by_its_address_and_days_are_the_tenant_s(screens: Portal, ended: int) -> None:
    link = f"{CHANGES}/{ended}"
    assert link in look(screens, CHANGES, params={"Status": "PARTIALLY_PROCESSED", "CreatedBy": ""}).addresses
    assert link not in look(screens, CHANGES, params={"Status": "PROCESSED"}).addresses
    assert link in look(screens, CHANGES, params={"FirstDay": "2026-11-24", "LastDay": "2026-11-24"}).addresses
    assert link not in look(screens, CHANGES, params={"FirstDay": "2026-11-25"}).addresses
    assert link not in look(screens, CHANGES, params={"LastDay": "2026-11-23"}).addresses
    assert link in look(screens, CHANGES, params={"Customer": "acme fl"}).addresses
    assert link not in look(screens, CHANGES, params={"Customer": "borealis"}).addresses
    chosen = [
        one["value"] for one in look(screens, CHANGES, params={"Status": "NEW"}).all("option") if "selected" in one
    ]
    assert chosen == ["NEW"]


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        (CHANGES, {"Status": "' OR 1=1"}, "Status"),
        (CHANGES, {"Colour": "red"}, "Colour"),
        (CHANGES, {"FirstDay": "0001-01-01"}, "FirstDay"),
        (CHANGES, {"LastDay": "9999-12-31"}, "LastDay"),
        (CHANGES, {"Before": "9" * 30}, "Before"),
        (CHANGES + "/0", {}, "change_id"),
        (CHANGES + "/1", {"Code": "x' --"}, "Code"),
        (DEVICES, {"After": "-1"}, "After"),
        (DEVICES, {"After": "9" * 30}, "After"),
        (DEVICES, {"Search": "a\0b"}, "Search"),
        (DEVICES + "/1", {}, "iccid"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_in_words(
    screens: Portal, path: str, params: dict[str, str], field: str
) -> None:
    answer = screens.get(path, params=params)
    assert answer.status_code == 422
    assert f"in {field}" in Page(answer.text).said


def test_empty_lists_say_so_and_what_to_do(screens: Portal, flow: Flow, portal: Engine) -> None:
    assert "No bulk changes yet" in look(screens, CHANGES, "olga.other").said
    assert "No bulk change matches" in look(screens, CHANGES, params={"CreatedBy": "nobody"}).said
    assert "No device begins with that" in look(screens, DEVICES, params={"Search": "000"}).said
    assert "Nothing was changed on this device yet" in look(screens, f"{DEVICES}/{PLAIN[5]}").said
    waiting = flow.create(request(PLAIN[:2])).change_id
    page = look(screens, f"{CHANGES}/{waiting}")
    assert "Nothing so far" in page.said
    assert "no run" in page.said
    filtered = look(screens, f"{CHANGES}/{waiting}", params={"Status": "ERROR"})
    assert "No device of this change matches" in filtered.said
    with portal.begin() as connection:
        connection.execute(text("UPDATE dbo.ServiceProvider SET IsActive = 0"))
    assert "No service provider is set up" in look(screens, ASSOCIATE).said


def test_one_change_shows_what_was_refused_before_its_devices_and_every_file(screens: Portal, ended: int) -> None:
    page = look(screens, f"{CHANGES}/{ended}")
    for words in (
        "Acme Fleet",
        "ticket 4711",
        "Archived DEVICE_ARCHIVED",
        "Not an ICCID INVALID_ICCID",
        "Validate devices",
    ):
        assert words in page.said
    assert page.said.index("Needs attention") < page.said.index("What happened")
    for results in ("succeeded", "failed", "not-attempted"):
        address = f"/BulkChanges/{ended}/results/{results}.csv"
        assert address in page.addresses
        assert screens.get(address).status_code == 200
    only = look(screens, f"{CHANGES}/{ended}", params={"Status": "ERROR", "Code": "DEVICE_ARCHIVED"})
    assert f"{DEVICES}/{REFUSED[1]}" in only.addresses
    assert f"{DEVICES}/{PLAIN[0]}" not in only.addresses
    assert {one["value"] for one in page.all("input") if one.get("name") == "Codes"} == {
        "DEVICE_NOT_FOUND", "DEVICE_ARCHIVED", "INVALID_ICCID"
    }  # fmt: skip


def test_pages_of_devices_follow_each_other_until_there_are_no_more(screens: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[: 2 * PAGE + 3])).change_id
    seen, address = [], f"{CHANGES}/{change_id}?Status=NEW"
    while address:
        page = look(screens, address)
        seen += [one.rsplit("/", 1)[1] for one in page.addresses if one.startswith(f"{DEVICES}/")]
        following = [one["href"] for one in page.all("a") if one.get("rel") == "next"]
        address = following[0] if following else ""
    assert seen == list(PLAIN[: 2 * PAGE + 3])


def test_a_running_change_is_followed_and_links_to_its_run(screens: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2])).change_id
    flow.check(flow.open(change_id, run_id=f"bulk_change__{change_id}__0"))
    page = look(screens, f"{CHANGES}/{change_id}")
    assert [one["data-open"] for one in page.all("div") if "data-open" in one] == ["yes"]
    assert f"/dags/associate_customer/runs/bulk_change__{change_id}__0" in page.addresses
    assert [one["data-opens"] for one in page.all("button") if "data-opens" in one] == ["cancel"]


def test_an_ended_change_of_the_form_links_to_the_form_s_own_run(screens: Portal, flow: Flow) -> None:
    ended = flow.run(request(PLAIN[:1]), form_run="manual__2026-11-24T12:00").bulk_change_id
    page = look(screens, f"{CHANGES}/{ended}")
    assert "/dags/associate_customer/runs/manual__2026-11-24T12%3A00" in page.addresses


def test_an_ended_change_is_at_rest_and_links_to_its_runs_and_report(
    screens: Portal, ended: int, tmp_path: Path
) -> None:
    assert "Data check report" not in look(screens, f"{CHANGES}/{ended}").said
    report = tmp_path / str(ended) / "0" / "validations" / "suite"
    report.mkdir(parents=True)
    (report / "run 1.html").write_text("the report")
    page = look(screens, f"{CHANGES}/{ended}")
    assert [one["data-open"] for one in page.all("div") if "data-open" in one] == [""]
    assert f"/dags/associate_customer/runs?run_id_pattern=bulk_change__{ended}__" in page.addresses
    assert f"/device-association/data-docs/{ended}/0/validations/suite/run%201.html" in page.addresses


def test_a_change_that_waits_for_the_queue_or_was_stopped_says_so(screens: Portal) -> None:
    screens.queue.dead = True
    change_id = screens.post("/AssociateCustomer", request(PLAIN[:1])).json()["ChangeId"]
    assert "The queue does not answer" in look(screens, f"{CHANGES}/{change_id}").said
    screens.post(f"/BulkChanges/{change_id}/cancel", {"Reason": "wrong depot"})
    assert "Canceled by dora.ops: “wrong depot”" in look(screens, f"{CHANGES}/{change_id}").said


def test_a_device_shows_its_customer_line_and_history(screens: Portal, flow: Flow, ended: int) -> None:
    page = look(screens, f"{DEVICES}/{PLAIN[0]}")
    (line,) = [one["revserviceid"] for one in flow.all("dbo", "revservice", number2=PLAIN[0])]
    for words in ("Acme Fleet", str(line), "Customer number", "dora.ops", "ticket 4711", "24 Nov 2026, 06:00 CST"):
        assert words in page.said
    assert f"Line – {line} dora.ops" in page.said, "Rev.io's number, as above"
    assert f"{CHANGES}/{ended}" in page.addresses


@pytest.mark.only_reads
def test_the_form_names_the_tenant_s_zone_and_offers_the_service_providers(screens: Portal) -> None:
    page = look(screens, ASSOCIATE)
    assert "Time in America/Chicago, the zone of Northwind Telematics" in page.said
    assert {str(world.JASPER), str(world.VERIZON)} <= {one["value"] for one in page.all("option")}
    assert [one["data-most"] for one in page.all("form") if "data-most" in one] == ["1000"]


def test_every_field_of_every_page_has_a_name_for_a_screen_reader(screens: Portal, ended: int) -> None:
    for path in every_page(ended):
        source = screens.get(path).text
        page = Page(source)
        named = {one["for"] for one in page.all("label") if "for" in one}
        for tag in ("input", "select", "textarea"):
            for one in page.all(tag):
                wrapped = re.search(
                    rf"<label[^>]*>(?:(?!</label>).)*<{tag}[^>]*name=\"{one.get('name')}\"", source, re.S
                )
                assert wrapped or one.get("id") in named or "aria-label" in one, (path, one)


@pytest.mark.only_reads
def test_addresses_begin_where_the_app_is_mounted(screens: Portal) -> None:
    outer = FastAPI(root_path="/airflow")
    outer.mount("/M2M", portal_app)
    with TestClient(outer) as client:
        client.cookies.set("_token", "dora.ops")
        page = Page(client.get("/airflow/M2M/ui/changes").text)
        moved = client.get("/airflow/M2M/ui/", follow_redirects=False)
        bare = client.get("/airflow/M2M/ui", follow_redirects=False)
    assert moved.headers["location"] == bare.headers["location"] == "/airflow/M2M/ui/changes"
    assert "/airflow/M2M/ui/associate" in page.addresses
    assert all(one.startswith(("/airflow/M2M/", "#")) for one in page.addresses)


@pytest.mark.only_reads
def test_airflow_s_navigation_leads_to_the_list(screens: Portal) -> None:
    (view,) = DeviceAssociationPlugin.external_views
    assert screens.get(view["href"].removeprefix("M2M")).status_code == 200
    for icon in (view["icon"], view["icon_dark_mode"]):
        assert screens.get(icon.removeprefix("M2M")).headers["content-type"] == "image/svg+xml"


def test_every_code_has_words_and_an_unknown_one_speaks_for_itself() -> None:
    assert set(DeviceCode) == set(ADVICE)
    assert all(one.title and one.to_do.endswith(".") for one in ADVICE.values())
    assert advice("SOMETHING_NEW").title == "SOMETHING_NEW"


def test_each_step_says_how_it_stands_and_slices_count_as_one() -> None:
    def at(second: int) -> datetime:
        return NOW + timedelta(seconds=second)

    recorded = [
        StepTimes("validate_devices", at(0), at(2)),
        StepTimes("create_rev_service 0", at(10), at(40)),
        StepTimes("create_rev_service 1", at(5), at(30)),
    ]
    done, running, to_come, not_run = page_words.StepState

    def states(status: str, count: int = 3) -> list[page_words.StepState]:
        return [one.state for one in page_words.steps(recorded[:count], status)]

    assert states("NEW", 0) == [to_come] * 7
    assert states("PROCESSING", 0) == [running, *[to_come] * 6]
    assert states("PROCESSING", 1) == [done, running, *[to_come] * 5]
    assert states("PROCESSING") == [done, not_run, not_run, running, to_come, to_come, to_come]
    assert states("ERROR") == [done, not_run, not_run, done, not_run, not_run, not_run]
    assert [one.seconds for one in page_words.steps(recorded, "ERROR")] == [2, None, None, 35, None, None, None]


def test_segments_are_the_whole_and_a_change_without_devices_has_none() -> None:
    counts = {"NEW": 1, "PROCESSING": 2, "PROCESSED": 3, "ERROR": 1, "API_FAILED": 2, "CANCELED": 1, "TOTAL": 10}
    found = page_words.segments(counts)
    assert [(one.name, one.devices, one.start, one.width) for one in found] == [
        ("succeeded", 3, 0, 30),
        ("failed", 3, 30, 30),
        ("canceled", 1, 60, 10),
        ("running", 2, 70, 20),
        ("waiting", 1, 90, 10),
    ]
    assert {one.width for one in page_words.segments(dict.fromkeys(counts, 0))} == {0}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "under 1 second"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (7200, "2 hours"),
        (90061, "1 day 1 hour"),
    ],
)
def test_lengths_of_time_are_said_in_their_two_largest_units(seconds: float, said: str) -> None:
    assert page_words.duration(seconds) == said


def test_ages_figures_and_moments_are_said_as_people_say_them() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert [page_words.age(now - timedelta(seconds=past), now) for past in (5, 60, 3 * 86400 + 5)] == [
        "just now",
        "1 minute ago",
        "3 days ago",
    ]
    assert [page_words.number(one) for one in (1234567, Decimal("250.5000"), Decimal(1000))] == [
        "1,234,567",
        "250.5",
        "1,000",
    ]
    assert page_templates.in_zone(now, "Asia/Tokyo") == "24 Nov 2026, 21:00 JST"
    assert page_templates.in_zone(now, None) == "24 Nov 2026, 12:00 UTC"


@pytest.mark.only_reads
def test_a_database_that_does_not_answer_is_said_in_words(screens: Portal) -> None:
    def gone() -> None:
        raise DatabaseUnavailable("nobody answers")

    pages_app.dependency_overrides[portal_caller.portal_engine] = gone
    answer = screens.get(CHANGES)
    assert answer.status_code == 503
    assert "The portal's database does not answer" in Page(answer.text).said


def test_a_change_is_taken_back_from_its_page_once_and_both_pages_lead_to_each_other(
    screens: Portal, flow: Flow, ended: int
) -> None:
    page = screens.get(f"{CHANGES}/{ended}").text
    assert 'data-opens="revert"' in page
    assert 'data-opens="revert"' not in screens.get(f"{CHANGES}/{ended}", "vic.viewer").text
    second = screens.post(f"/BulkChanges/{ended}/revert", {"Reason": "wrong customer"}).json()["ChangeId"]
    claim = flow.open(second)
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    first, later = (screens.get(f"{CHANGES}/{one}").text for one in (ended, second))
    assert f'/changes/{second}">bulk change {second}</a>' in first
    assert f'/changes/{ended}">bulk change {ended}</a>' in later
    assert "Disconnect lines in Rev.io" in later
    assert 'data-opens="revert"' not in first + later
    assert 'data-opens="retry"' not in first

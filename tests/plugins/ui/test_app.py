"""The portal's screens together: who sees which, and that nothing on them runs or comes from elsewhere."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from device_association.domain.errors import DatabaseUnavailable
from device_association_airflow.api import dependencies
from device_association_airflow.ui import rendering
from device_association_airflow.ui.app import pages_app, portal_app
from device_association_plugin import DeviceAssociationPlugin
from local.sample_data import groups
from tests.flow import Flow, request
from tests.page import Page, look
from tests.portal_client import Portal

PLAIN = groups().plain
REFUSED = [groups().not_found[0], groups().archived[0], "12345"]
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
CHANGES, DEVICES, ASSOCIATE = "/ui/changes", "/ui/devices", "/ui/associate"
FINDINGS, LETTERS, APPROVAL = "/ui/findings", "/ui/dead-letters", "/ui/approval"


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
    for name, content in rendering.ASSETS.items():
        outside = re.findall(r"https?://[^\"'\s)]+|@import|url\(", content.decode())
        assert [one for one in outside if one != "http://www.w3.org/2000/svg"] == [], name
    assert screens.get("/ui/assets/..%2frendering.py").status_code == 404
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
@pytest.mark.usefixtures("screens")
def test_addresses_begin_where_the_app_is_mounted() -> None:
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


@pytest.mark.only_reads
def test_a_database_that_does_not_answer_is_said_in_words(screens: Portal) -> None:
    def gone() -> None:
        raise DatabaseUnavailable("nobody answers")

    pages_app.dependency_overrides[dependencies.portal_engine] = gone
    answer = screens.get(CHANGES)
    assert answer.status_code == 503
    assert "The portal's database does not answer" in Page(answer.text).said

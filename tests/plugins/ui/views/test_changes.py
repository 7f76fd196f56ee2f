"""The screens of bulk changes: what the list and one change show, where they lead, and what they offer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from device_association_airflow.ui.paging import PAGE
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.page import look
from tests.portal_client import Portal

PLAIN = groups().plain
ARCHIVED = groups().archived[0]
CHANGES, DEVICES = "/ui/changes", "/ui/devices"


def test_the_list_shows_state_counts_actor_and_age(screens: Portal, ended: int) -> None:
    screens.now = NOW + timedelta(hours=3)
    page = look(screens, CHANGES)
    for words in (f"#{ended}", "Partly done", "Acme Fleet", "20 of 23", "3 failed", "dora.ops", "3 hours ago"):
        assert words in page.said
    (bar,) = [one for one in page.all("svg") if "20 succeeded" in one["aria-label"]]
    assert (bar["aria-label"], bar["viewbox"]) == ("20 succeeded, 3 failed of 23", "0 0 23 1")
    parts = [(one["data-states"], one["x"], one["width"]) for one in page.all("rect")]
    assert parts[:2] == [("PROCESSED", "0", "20"), ("ERROR API_FAILED", "20", "3")]


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
    assert f"{DEVICES}/{ARCHIVED}" in only.addresses
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

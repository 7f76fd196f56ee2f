"""The whole way of one bulk change through the screens: 25 devices, five refused, two turned down by Rev.io, retried."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from device_association.domain.advice import ADVICE, advice
from local.sample_data import groups, world
from tests.end_to_end.browser.screens import NEEDS_CHROMIUM, PATIENCE, Screens
from tests.end_to_end.running import Running

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, NEEDS_CHROMIUM]
GOOD = groups().plain[400:420]
TURNED_DOWN = GOOD[:2]
REFUSED = {
    "INVALID_ICCID": "12345",
    "DEVICE_NOT_FOUND": groups().not_found[1],
    "DEVICE_NOT_IN_TENANT": groups().not_in_tenant[1],
    "DEVICE_ARCHIVED": groups().archived[1],
    "DEVICE_STATUS_NOT_ALLOWED": groups().status_not_allowed[1],
}
WHY, WHY_AGAIN = "ticket 25 of the browser", "Rev.io has corrected the two"
RECORD_COUNTS = """() => {
  const counts = document.getElementById("counts");
  const look = () => window.seen.push([...counts.querySelectorAll("[data-count]")].map((one) => Number(one.textContent)));
  window.seen = [];
  look();
  new MutationObserver(look).observe(counts, { childList: true, subtree: true, characterData: true });
}"""
"""Notes every state of the counts; a page that is loaded anew has no such notes."""


def test_twenty_five_devices_are_asked_for_watched_downloaded_retried_and_read(
    screens: Screens, running: Running, tmp_path: Path
) -> None:
    running.control("POST", "faults", {"effect": "reject_object", "numbers": list(TURNED_DOWN)})
    running.control("PATCH", "settings", {"latency_ms": 300})
    page = screens.open("associate")
    fill_in(page)
    preview(page)
    change_id = send_with_two_clicks(page, running)
    watch_until_it_ended(page)
    assert {name: downloaded(page, name, tmp_path) for name in ("Succeeded", "Failed", "Not attempted")} == {
        "Succeeded": dict.fromkeys(GOOD[2:], "PROCESSED"),
        "Failed": {iccid: code for code, iccid in REFUSED.items()} | dict.fromkeys(TURNED_DOWN, "REV_REJECTED"),
        "Not attempted": {},
    }
    running.control("DELETE", "faults")
    retry_what_rev_io_turned_down(page)
    assert downloaded(page, "Succeeded", tmp_path) == dict.fromkeys(GOOD, "PROCESSED")
    assert {running.lines()[iccid] for iccid in GOOD} == {1}
    read_the_history(page, change_id)


def fill_in(page: Page) -> None:
    """Paste the ICCIDs, find the customer by type-ahead, and choose what a line is made of."""
    page.get_by_label("Service provider").select_option(str(world.JASPER))
    page.get_by_label("ICCIDs, one a line").fill("\n".join([*GOOD, *REFUSED.values(), GOOD[0]]))
    expect(page.locator("#tally")).to_contain_text("25 ICCIDs · 1 repeated, counted once · 1 not of 18 to 22 digits")
    page.get_by_role("combobox", name="Name or number").press_sequentially("acme")
    page.get_by_role("option", name="Acme Fleet").click()
    page.get_by_label("Create a line in Rev.io for each device").check()
    page.get_by_role("combobox", name="Service type").select_option(label=world.SOLD_AS[world.SERVICE_TYPE])
    page.get_by_role("combobox", name="Provider", exact=True).select_option(label=world.SOLD_AS[world.PROVIDER])
    page.get_by_label("Reason").fill(WHY)


def preview(page: Page) -> None:
    """Preview: each code stands once, with what to do about it, and 20 devices can go on."""
    expect(page.get_by_role("button", name="Associate devices")).to_be_disabled()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#verdict")).to_contain_text("20 devices can go on, 5 can't. 20 lines would be asked of Rev.io")
    expect(page.locator("#groups > li")).to_have_count(len(REFUSED))
    for code, iccid in REFUSED.items():
        group = page.locator("#groups > li", has=page.get_by_text(code, exact=True))
        expect(group).to_contain_text(ADVICE[code].to_do)
        group.get_by_text("Show devices").click()
        expect(group.locator("pre")).to_contain_text(iccid)


def send_with_two_clicks(page: Page, running: Running) -> int:
    """Send by a double click; return the id of the one change that came of it, on whose page the browser is now."""
    page.get_by_role("button", name="Associate 20 devices").dblclick()
    page.wait_for_url(re.compile(r"/M2M/ui/changes/\d+$"))
    page.evaluate(RECORD_COUNTS)
    made = running.table("change_state", reason=WHY)
    assert [str(one["bulkchangeid"]) for one in made] == [page.url.rsplit("/", 1)[1]]
    return int(made[0]["bulkchangeid"])


def watch_until_it_ended(page: Page) -> None:
    """Watch the counts move to their end on a page that is never loaded again."""
    expect(page.locator("#state .badge")).to_have_text("Partly done", timeout=PATIENCE)
    seen: list[list[int]] = page.evaluate("window.seen")
    assert len({tuple(counts) for counts in seen}) > 2
    assert [counts for counts in seen if counts[0] != 25 or sum(counts[1:]) != 25] == []
    assert seen[-1] == [25, 18, 7, 0, 0, 0]
    expect(page.locator("#problems > ul > li")).to_have_count(6)
    expect(page.locator("#problems li").first).to_contain_text("REV_REJECTED")


def downloaded(page: Page, name: str, folder: Path) -> dict[str, str]:
    """Download one of the three files; return the code of each device in it."""
    with page.expect_download() as started:
        page.get_by_role("group", name="Download as CSV").get_by_role("link", name=name, exact=True).click()
    assert started.value.suggested_filename.endswith(f"-{name.lower().replace(' ', '-')}.csv")
    file = folder / started.value.suggested_filename
    started.value.save_as(file)
    with file.open(encoding="utf-8", newline="") as lines:
        return {one["ICCID"]: one["Code"] or one["Status"] for one in csv.DictReader(lines)}


def retry_what_rev_io_turned_down(page: Page) -> None:
    """Retry one group of devices; without a reason it is not sent."""
    page.get_by_role("button", name="Retry…").click()
    dialog = page.get_by_role("dialog", name="Retry which devices?")
    for code in REFUSED:
        dialog.get_by_label(advice(code).title).uncheck()
    dialog.get_by_label("Reason").fill(" ")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_have_text("Say why; it is kept with the change.")
    dialog.get_by_label("Reason").fill(WHY_AGAIN)
    with page.expect_event("load"):
        dialog.get_by_role("button", name="Retry").click()
    expect(page.locator("[data-count=succeeded]")).to_have_text("20", timeout=PATIENCE)
    expect(page.locator("#state .badge")).to_have_text("Partly done", timeout=PATIENCE)
    expect(page.get_by_text("retry 1")).to_be_visible()


def read_the_history(page: Page, change_id: int) -> None:
    """Go from the change to one of its devices, whose history says who, why and by which change."""
    page.get_by_role("link", name=GOOD[0]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(GOOD[0])
    expect(page.locator("dl").first).to_contain_text("Acme Fleet")
    changed = page.get_by_role("row", name="Customer number")
    for words in ("dora.ops", WHY_AGAIN, f"#{change_id}", world.ACME):
        expect(changed).to_contain_text(words)

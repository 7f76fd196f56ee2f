"""Each screen in both themes and at 360 px, the form by keyboard alone and with 10,000 lines, a change that is canceled."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from local.sample_data import groups, world
from tests.end_to_end.browser.screens import NEEDS_CHROMIUM, PATIENCE, USER, Screens
from tests.end_to_end.running import Running

pytestmark = [pytest.mark.end_to_end, NEEDS_CHROMIUM]
PLAIN = groups().plain[430:500]
ENDED, LIVE, BY_KEYBOARD, CANCELED, UNTOUCHED = PLAIN[:6], PLAIN[10:26], PLAIN[30:32], PLAIN[40:60], PLAIN[60:64]
TAKEN_BACK = PLAIN[65:68]
REFUSED = [groups().archived[2], groups().not_found[2], "12345"]


@dataclass(frozen=True, slots=True)
class Made:
    """Changes that the screens show."""

    ended: int


@pytest.fixture(scope="module")
def made(running: Running) -> Made:
    """Give a change that ended with six devices done and three refused."""
    ended = running.ask([*ENDED, *REFUSED], Reason="for the pictures")
    assert running.ended(ended) == "PARTIALLY_PROCESSED"
    return Made(ended)


def associate(screens: Screens, _: Made) -> None:
    screens.open("associate")


def associate_with_preview(screens: Screens, _: Made) -> None:
    page = screens.open("associate")
    fill_in(page, [*UNTOUCHED, *REFUSED])
    for choice in (
        "Create a line in Rev.io for each device",
        "Set the carrier rate plan",
        "Set the customer rate plan",
    ):
        page.get_by_label(choice).check()
    page.get_by_role("combobox", name="Service type").select_option(index=1)
    page.get_by_role("combobox", name="Provider", exact=True).select_option(index=1)
    page.get_by_role("combobox", name="Carrier rate plan", exact=True).select_option(index=1)
    page.get_by_role("combobox", name="Plan", exact=True).select_option(index=1)
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#verdict")).to_contain_text("4 devices can go on, 3 can't")
    page.locator("#groups summary").first.click()


def associate_refused(screens: Screens, _: Made) -> None:
    page = screens.open("associate")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("Give at least one ICCID.")


def associate_with_lists_open(screens: Screens, _: Made) -> None:
    page = screens.open("associate")
    page.get_by_label("Service provider").select_option(str(world.JASPER))
    page.get_by_text("Pick from the inventory").click()
    expect(page.locator("#found-tally")).to_contain_text("50 devices shown")
    page.get_by_role("combobox", name="Name or number").press_sequentially("a")
    expect(page.get_by_role("listbox", name="Customers").get_by_role("option").first).to_be_visible()


def changes(screens: Screens, _: Made) -> None:
    screens.open("changes")


def no_changes(screens: Screens, _: Made) -> None:
    screens.open("changes?CreatedBy=nobody")


def ended_change(screens: Screens, made: Made) -> None:
    screens.open(f"changes/{made.ended}")


def retry_dialog(screens: Screens, made: Made) -> None:
    screens.open(f"changes/{made.ended}").get_by_role("button", name="Retry…").click()


def revert_dialog(screens: Screens, made: Made) -> None:
    page = screens.open(f"changes/{made.ended}")
    page.get_by_role("button", name="Take back…").click()
    expect(page.locator("#revert-preview")).to_contain_text("6 devices will get back what they had")


def devices(screens: Screens, _: Made) -> None:
    screens.open("devices")


def device(screens: Screens, _: Made) -> None:
    screens.open(f"devices/{ENDED[0]}")


def approval(screens: Screens, _: Made) -> None:
    page = screens.open("approval")
    page.get_by_label("More devices than").fill("lots")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("MostDevices: ")
    page.get_by_label("More devices than").fill("9000")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved; it counts from now on.")
    screens.troubles.clear()  # the console tells of the refusal


def problem(screens: Screens, _: Made) -> None:
    screens.open("changes/999999")
    screens.troubles.clear()  # the console tells of the page's own 404


SCREENS: list[Callable[[Screens, Made], None]] = [
    associate,
    associate_with_preview,
    associate_refused,
    associate_with_lists_open,
    changes,
    no_changes,
    ended_change,
    retry_dialog,
    revert_dialog,
    devices,
    device,
    approval,
    problem,
]


@pytest.mark.parametrize("go", SCREENS, ids=lambda go: go.__name__)
def test_a_screen_fits_and_is_accessible_in_both_themes_wide_and_at_360_px(
    screens: Screens, made: Made, go: Callable[[Screens, Made], None]
) -> None:
    go(screens, made)
    screens.inspect(go.__name__)


def test_a_screen_that_is_spoilt_is_found_out(screens: Screens) -> None:
    page = screens.open("changes")
    page.evaluate("document.documentElement.removeAttribute('lang'); document.body.style.width = '3000px'")
    with pytest.raises(AssertionError, match=r"light-360: scrolls 2640 px sideways.*light-360: html-has-lang"):
        screens.inspect("spoilt")


@pytest.mark.slow
def test_a_live_change_fits_and_is_accessible_and_ends_without_a_reload(screens: Screens, running: Running) -> None:
    running.control("PATCH", "settings", {"latency_ms": 3000})
    change = running.ask([*LIVE, REFUSED[0]])
    page = screens.open(f"changes/{change}")
    expect(page.locator("[data-count=running]")).to_have_text(str(len(LIVE)), timeout=PATIENCE)
    page.evaluate("window.stayed = true")
    screens.inspect("live_change")
    assert running.status(change) == "PROCESSING"
    running.control("PATCH", "settings", {"latency_ms": 0})
    expect(page.locator("#state .badge")).to_have_text("Partly done", timeout=PATIENCE)
    expect(page.locator("[data-count=succeeded]")).to_have_text(str(len(LIVE)))
    assert page.evaluate("window.stayed") is True


@pytest.mark.usefixtures("made")
def test_who_is_not_signed_in_comes_back_to_the_screen_that_was_asked_for(
    chromium: Browser, running: Running, screens: Screens
) -> None:
    with chromium.new_context() as context:
        stranger = Screens(context, running.stack.airflow_url, screens.pictures)
        page = stranger.open(f"devices?Search={ENDED[0]}")
        stranger.sign_in(USER, running.stack.passwords[USER])
        page.wait_for_url(f"**/M2M/ui/devices?Search={ENDED[0]}")
        expect(page.get_by_role("row", name=ENDED[0])).to_be_visible()
        assert stranger.troubles == []


def test_the_bare_address_leads_to_the_list_and_its_filters_to_the_customer_s_changes(
    screens: Screens, made: Made
) -> None:
    page = screens.page
    page.goto(f"{screens.airflow_url}/M2M/ui")
    page.get_by_label("Customer").fill("borealis")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="No bulk change matches")).to_be_visible()
    page.get_by_label("Customer").fill("acme")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=f"#{made.ended}")).to_be_visible()
    assert "Customer=acme" in page.url


def test_the_form_is_filled_in_and_sent_by_keyboard_alone(screens: Screens, running: Running) -> None:
    page = screens.open("associate")
    keys = page.keyboard
    screens.tab_to(page.get_by_text("Skip to content"))
    keys.press("Enter")
    screens.tab_to(page.get_by_label("Service provider"))
    keys.type("Jas")
    screens.tab_to(page.get_by_label("ICCIDs, one a line"))
    keys.insert_text("\n".join([*BY_KEYBOARD, REFUSED[0]]))
    screens.tab_to(page.get_by_role("combobox", name="Name or number"))
    keys.type("acme")
    expect(page.get_by_role("option", name="Acme Fleet")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.locator("#customer-said")).to_contain_text("Acme Fleet, number 4711")
    screens.tab_to(page.get_by_label("Set the customer rate plan"))
    keys.press("Space")
    plan = page.get_by_role("combobox", name="Plan", exact=True)
    expect(plan.locator("option")).not_to_have_count(0)
    screens.tab_to(plan)
    keys.press("ArrowDown")
    screens.tab_to(page.get_by_label("Reason"))
    keys.type("by keyboard")
    screens.tab_to(page.get_by_role("button", name="Preview"))
    keys.press("Enter")
    expect(page.locator("#preview")).to_be_focused()
    expect(page.locator("#verdict")).to_contain_text("2 devices can go on, 1 can't")
    screens.tab_to(page.get_by_role("button", name="Associate 2 devices"))
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/M2M/ui/changes/\d+$"))
    change = int(page.url.rsplit("/", 1)[1])
    assert running.ended(change) == "PARTIALLY_PROCESSED"
    assert running.codes(change) == dict.fromkeys(BY_KEYBOARD, "PROCESSED") | {REFUSED[0]: "DEVICE_ARCHIVED"}


def test_ten_thousand_pasted_lines_leave_the_form_answering(screens: Screens) -> None:
    page = screens.open("associate")
    tally = page.locator("#tally")
    page.get_by_label("ICCIDs, one a line").focus()
    began = time.monotonic()
    screens.paste("\n".join(world.iccid(number) for number in range(1, 10_001)))
    expect(tally).to_have_text("10,000 ICCIDs.")
    pasted = time.monotonic()
    page.keyboard.type(f"\n{world.iccid(10_001)}")
    expect(tally).to_have_text("10,001 ICCIDs.")
    typed = time.monotonic()
    print(f"paste {pasted - began:.2f} s, twenty keys {typed - pasted:.2f} s")
    assert typed - began < 15, "it is about one second where nothing else runs"


@pytest.mark.slow
def test_a_change_is_taken_back_from_its_page(screens: Screens, running: Running) -> None:
    change = running.ask(TAKEN_BACK)
    assert running.ended(change) == "PROCESSED"
    page = screens.open(f"changes/{change}")
    page.get_by_role("button", name="Take back…").click()
    dialog = page.get_by_role("dialog", name="Take this change back?")
    expect(dialog.get_by_role("status")).to_have_text(
        "3 devices will get back what they had; 3 lines will be disconnected."
    )
    dialog.get_by_label("Reason").fill("wrong customer")
    dialog.get_by_role("button", name="Take back").click()
    page.wait_for_url(lambda url: not url.endswith(f"/changes/{change}"))
    expect(page.locator("#state .badge")).to_have_text("Done", timeout=PATIENCE)
    expect(page.get_by_text("Takes back bulk change")).to_be_visible()
    assert not set(TAKEN_BACK) & running.lines().keys()
    screens.open(f"changes/{change}")
    expect(page.get_by_text("Taken back by bulk change")).to_be_visible()
    expect(page.get_by_role("button", name="Take back…")).to_have_count(0)


@pytest.mark.slow
def test_a_canceled_change_lists_what_was_not_attempted(screens: Screens, running: Running) -> None:
    running.control("PATCH", "settings", {"latency_ms": 2000})
    change = running.ask(CANCELED)
    page = screens.open(f"changes/{change}")
    expect(page.locator("#state .badge")).to_have_text("Running", timeout=PATIENCE)
    cancel(page, "wrong depot")
    running.control("PATCH", "settings", {"latency_ms": 0})
    expect(page.locator("#notices")).to_contain_text(f"Canceled by {USER}: “wrong depot”")
    running.ended(change)
    expect(page.locator("#state .badge")).not_to_have_text("Running", timeout=PATIENCE)
    not_attempted = {iccid for iccid, code in running.codes(change).items() if code == "CANCELED_BY_USER"}
    assert not_attempted
    file = screens.context.request.get(f"{screens.airflow_url}/M2M/BulkChanges/{change}/results/not-attempted.csv")
    assert {line.split(",")[0] for line in file.text().splitlines()[1:]} == not_attempted
    expect(page.locator("[data-count=canceled]")).to_have_text(str(len(not_attempted)))
    screens.inspect("canceled_change")


def test_airflow_s_navigation_shows_the_screens_in_its_frame(screens: Screens, running: Running, made: Made) -> None:
    page = screens.page
    running.run(f"bulk_change__{made.ended}__0")
    page.goto(running.stack.airflow_url)
    page.get_by_role("link", name="Bulk changes").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name=f"#{made.ended}")).to_be_visible()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=screens.pictures / f"in_airflow-{theme}.png")
    frame.get_by_role("link", name=f"#{made.ended}").click()
    frame.get_by_role("link", name="Run").click()
    page.wait_for_url("**/dags/associate_customer/runs**")


def fill_in(page: Page, iccids: list[str]) -> None:
    page.get_by_label("Service provider").select_option(str(world.JASPER))
    page.get_by_label("ICCIDs, one a line").fill("\n".join(iccids))
    page.get_by_role("combobox", name="Name or number").press_sequentially("acme")
    page.get_by_role("option", name="Acme Fleet").click()


def cancel(page: Page, reason: str) -> None:
    page.get_by_role("button", name="Cancel change…").click()
    dialog = page.get_by_role("dialog", name="Cancel this change?")
    dialog.get_by_label("Reason").fill(reason)
    with page.expect_event("load"):
        dialog.get_by_role("button", name="Cancel change").click()

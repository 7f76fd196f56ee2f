"""A person at the portal's screens in headless Chromium, who notices what must never happen there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from tests.end_to_end.running import PATIENCE_SECONDS

REQUIRE_VARIABLE, SCREENSHOTS_VARIABLE = "PORTAL_TEST_BROWSER", "PORTAL_TEST_SCREENSHOTS"
USER = "dora.ops"
"""Who signs in."""
CHROMIUM = shutil.which("chromium")
HOW = "no chromium on this machine; apt-get install chromium fonts-dejavu"
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get(REQUIRE_VARIABLE) != "required",
    reason=f"{HOW} ({REQUIRE_VARIABLE}=required makes this a failure)",
)
LOOKS: dict[str, tuple[Literal["light", "dark"], int]] = {
    "light-1280": ("light", 1280),
    "dark-1280": ("dark", 1280),
    "light-360": ("light", 360),
    "dark-360": ("dark", 360),
}
PAGE_HEIGHT = "Math.max(800, document.documentElement.scrollHeight)"
GRAVE = {"serious", "critical"}
PATIENCE = 1000 * PATIENCE_SECONDS
"""How long a page waits for what a whole run brings, in milliseconds."""
expect.set_options(timeout=60_000)


@contextmanager
def headless_chromium() -> Iterator[Browser]:
    """Give the machine's Chromium; fail where there is none."""
    if CHROMIUM is None:
        pytest.fail(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Screens:
    """One page of a browser, what went wrong on it, and where its pictures go."""

    context: BrowserContext
    airflow_url: str
    pictures: Path
    page: Page = field(init=False)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def open(self, path: str) -> Page:
        """Go to a screen by its path below /M2M/ui."""
        self.page.goto(f"{self.airflow_url}/M2M/ui/{path}")
        return self.page

    def sign_in(self, user: str, password: str) -> None:
        """Fill in Airflow's own sign-in page, on which this page is."""
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def tab_to(self, target: Locator, most: int = 80) -> None:
        """Press Tab until the focus is on an element, as somebody without a mouse does."""
        for _ in range(most):
            if target.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target} within {most} presses")

    def paste(self, text: str) -> None:
        """Paste a text where the focus is, by the clipboard."""
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")

    def inspect(self, name: str) -> None:
        """Look at the screen in both themes, wide and narrow: it is pictured, fits, and is accessible in each."""
        found: list[str] = []
        for look, (theme, width) in LOOKS.items():
            self.page.emulate_media(color_scheme=theme)
            self._show_whole(width)
            self.page.screenshot(path=self.pictures / f"{name}-{look}.png")
            found += [f"{look}: {one}" for one in (*self._too_wide(), *self._inaccessible())]
        assert found == [], f"{name}: {found}"

    def _show_whole(self, width: int) -> None:
        """Make the window as high as the page: what sticks to its edge then stands where the page ends."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.set_viewport_size({"width": width, "height": self.page.evaluate(PAGE_HEIGHT)})

    def _too_wide(self) -> list[str]:
        scrolled = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [f"scrolls {scrolled} px sideways"] if scrolled else []

    def _inaccessible(self) -> list[str]:
        violations: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']} at {[node['target'] for node in one['nodes']]}"
            for one in violations
            if one["impact"] in GRAVE
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text} at {message.location['url']}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and f"{address.scheme}://{address.netloc}" != self.airflow_url:
            self.troubles.append(f"elsewhere: {request.url}")

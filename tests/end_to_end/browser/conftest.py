"""Headless Chromium on the shared stack, signed in through Airflow's own page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.end_to_end.browser.screens import SCREENSHOTS_VARIABLE, USER, Screens, headless_chromium
from tests.end_to_end.running import Running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Give one browser a module: longer, and its event loop would be in the way of other modules' own."""
    with headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the screenshots: the one that the variable names, else pytest's."""
    named = os.environ.get(SCREENSHOTS_VARIABLE)
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, running: Running, pictures: Path) -> dict[str, object]:
    """Give the cookies of somebody who signed in on Airflow's page."""
    with chromium.new_context() as context:
        screens = Screens(context, running.stack.airflow_url, pictures)
        page = screens.open("changes")
        screens.sign_in(USER, running.stack.passwords[USER])
        page.wait_for_url("**/M2M/ui/changes")
        return dict(context.storage_state())


@pytest.fixture
def screens(chromium: Browser, signed_in: dict[str, object], running: Running, pictures: Path) -> Iterator[Screens]:
    """Give a signed-in person's page; at its end nothing may have gone wrong on it or been asked for elsewhere."""
    with chromium.new_context(storage_state=signed_in, reduced_motion="reduce") as context:  # type: ignore[arg-type]
        screens = Screens(context, running.stack.airflow_url, pictures)
        yield screens
        assert screens.troubles == []

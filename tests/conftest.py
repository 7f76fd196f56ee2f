from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from xdist.scheduler import LoadFileScheduling

from tests.flow import Flow

pytest_plugins = ["tests.databases"]
STACKS = ("tests/chaos/test_short_run.py", "tests/end_to_end/workers/", "tests/end_to_end/")
"""Tests of a whole stack, in their order, one stack after the other: each alone takes a processor, and two at once more than
two have."""
LONGEST_FIRST = ("crash", "protocol", "device_association", "plugins")
"""Folders of the other tests in the order of how long their tests take together."""
MAX_WORKERS = 5


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors: the one with the whole stack mostly waits for the stack."""
    return min(1 + (os.cpu_count() or 1), MAX_WORKERS)


class OneStack(LoadFileScheduling):
    """Gives each module to one worker, and all that start a stack to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "stacks" if nodeid.startswith(STACKS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStack:
    """Return what gives the tests to the workers (`--dist loadgroup` of xdist 3.8 groups nothing under pytest 9.2)."""
    return OneStack(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; a module with a stack of its own is slow."""
    for item in items:
        if item.get_closest_marker("own_stack"):
            item.add_marker(pytest.mark.slow)
            if not item.nodeid.startswith(STACKS):
                raise pytest.UsageError(f"{item.nodeid} has a stack of its own: name its module in STACKS")
    items.sort(key=place_of)


def place_of(item: pytest.Item) -> int:
    """Return where a test stands."""
    first = next((place for place, stack in enumerate(STACKS) if item.nodeid.startswith(stack)), None)
    folders = (place for place, name in enumerate(LONGEST_FIRST) if name in item.path.parts)
    return first if first is not None else len(STACKS) + next(folders, len(LONGEST_FIRST))


@pytest.fixture
def flow(portal: Engine, tmp_path: Path) -> Flow:
    """Give the sample world with an empty Rev.io and a clock of the test's own."""
    return Flow(portal, tmp_path / "docs")

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.flow import Flow

pytest_plugins = ["tests.databases"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with a stack of their own first: once the session's stack runs, theirs would run beside it."""
    items.sort(key=lambda item: item.get_closest_marker("own_stack") is None)


@pytest.fixture
def flow(portal: Engine, tmp_path: Path) -> Flow:
    """Give the sample world with an empty Rev.io and a clock of the test's own."""
    return Flow(portal, tmp_path / "docs")

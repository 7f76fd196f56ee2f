from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.flow import Flow

pytest_plugins = ["tests.databases"]


@pytest.fixture
def flow(portal: Engine, tmp_path: Path) -> Flow:
    """Give the sample world with an empty Rev.io and a clock of the test's own."""
    return Flow(portal, tmp_path / "docs")

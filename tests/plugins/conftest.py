from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.portal_client import Portal, portal_client


@pytest.fixture
def api(portal: Engine) -> Iterator[Portal]:
    """Give the portal's API over the sample world."""
    with portal_client(portal) as opened:
        yield opened

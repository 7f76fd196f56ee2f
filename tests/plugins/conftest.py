from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from device_association_airflow.ui.app import pages_app, portal_app
from tests.portal_client import Portal, portal_client


@pytest.fixture
def api(portal: Engine) -> Iterator[Portal]:
    """Give the portal's API over the sample world."""
    with portal_client(portal) as opened:
        yield opened


@pytest.fixture
def screens(api: Portal) -> Iterator[Portal]:
    """Give the portal with its screens."""
    pages_app.dependency_overrides = dict(portal_app.dependency_overrides)
    yield api
    pages_app.dependency_overrides = {}

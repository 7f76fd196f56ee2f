from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from device_association_airflow.api import dependencies
from device_association_airflow.ui.app import pages_app, portal_app
from local.sample_data import groups
from tests.flow import Flow, request, settings
from tests.portal_client import Portal

PLAIN = groups().plain
REFUSED = [groups().not_found[0], groups().archived[0], "12345"]


@pytest.fixture
def screens(api: Portal, tmp_path: Path) -> Iterator[Portal]:
    """Give the portal with its screens, whose reports are in a folder of the test's own."""
    pages_app.dependency_overrides = portal_app.dependency_overrides | {
        dependencies.portal_settings: lambda: settings(max_devices=1000, data_docs_dir=tmp_path)
    }
    yield api
    pages_app.dependency_overrides = {}


@pytest.fixture
def ended(flow: Flow) -> int:
    """Give a change that ended with 20 devices processed and three refused."""
    return flow.run(request([*PLAIN[:20], *REFUSED], Reason="ticket 4711")).bulk_change_id

"""One vendor process for the session, and what opens a change of a test's own in a database of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import URL

from device_association.bulk_changes.claims import take_claim
from device_association.database.execution import database_clock
from device_association.requests.create import create_bulk_change
from tests.crash.books import note_states
from tests.crash.site import Opened, Site
from tests.crash.vendor import VendorProcess
from tests.databases import clone
from tests.flow import Flow, request


@pytest.fixture(scope="session")
def vendor_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorProcess]:
    vendor = VendorProcess(tmp_path_factory.mktemp("vendor"))
    vendor.start()
    yield vendor
    vendor.kill()


@pytest.fixture
def vendor(vendor_process: VendorProcess) -> VendorProcess:
    """Give the vendor's process as if it had just been started."""
    vendor_process.calm()
    return vendor_process


@pytest.fixture(scope="session")
def opened(server: URL, sample_template: str, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Give what makes a change whose devices passed the checks, in a PostgreSQL database of its own."""

    @contextmanager
    def make(vendor: VendorProcess, devices: Sequence[str], **more: Any) -> Iterator[Site]:
        with clone(server, sample_template) as portal:
            note_states(portal)
            folder = tmp_path_factory.mktemp("site")
            flow = Flow(portal, folder / "docs", clock=database_clock(portal))  # type: ignore[arg-type]
            asked = request(devices, **more)
            change = create_bulk_change(portal, asked, user_name="dora.ops", now=flow.clock(), max_devices=100_000)
            claim = take_claim(
                portal, change.change_id, retry_number=0, run_id="crash", is_run_active=lambda _: True, now=flow.clock()
            )
            flow.check(claim)
            yield Site(flow, vendor, claim, folder)

    return make

"""A worker that is killed at whatever point leaves a change that its successor brings to its end."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.sample_data import groups, world
from tests.crash.books import check_books, figures
from tests.crash.site import SHORT, Opened
from tests.crash.vendor import VendorProcess

pytestmark = pytest.mark.slow
PRODUCTS = [world.PRODUCT, world.SECOND_PRODUCT]
FOUND = "again where the line of a dead worker was found"
POINTS = {
    "the plan is not committed": [("service_lines/insert_slices run", 1)],
    "the plan is committed, its result is lost": [("service_lines/insert_slices committed", 1)],
    "the begin is not committed": [("service_lines/begin_calls run", 1)],
    "begun, nothing is sent": [("POST /v1/Services planned", 1)],
    "some are begun, some are recorded": [("POST /v1/Services planned", 3)],
    "the post is sent, its answer not read": [("POST /v1/Services sent", 1)],
    "the answer is read, nothing is recorded": [("POST /v1/Services answered", 1)],
    "the record is not committed": [("service_lines/settle_calls run", 1)],
    "the record is committed, no product is planned": [("service_lines/settle_calls committed", 1)],
    "a product's call is not begun": [("service_lines/begin_product run", 1)],
    "a product's call is begun, not sent": [("POST /v1/ServiceProduct planned", 2)],
    "a product's call is sent, its answer not read": [("POST /v1/ServiceProduct sent", 1)],
    "a product is answered, not recorded": [("POST /v1/ServiceProduct answered", 1)],
    "a product's record is not committed": [("service_lines/settle_product run", 2)],
    "the products are there, the line is not ready": [("service_lines/set_ready run", 1)],
    "the line is ready, the slice goes on": [("service_lines/set_ready committed", 1)],
    "the slice has ended, its result is lost": [("bulk_changes/insert_step committed", 2)],
    "in the middle of the batches": [("associations/associate_devices run", 2)],
    "between two batches": [("bulk_changes/release_locks committed", 1)],
    "in the first procedure": [("associations/call_update_cross_provider_device_history run", 1)],
    "between the procedures": [("associations/call_update_cross_provider_device_history committed", 1)],
    "in the second procedure": [("associations/call_update_device_rev_service_links run", 1)],
    "inside the close": [("bulk_changes/record_result run", 1)],
    "closed, its result is lost": [("bulk_changes/record_result committed", 1)],
    "again while it looks the line up": [("POST /v1/Services sent", 1), ("service_lines/expire_lease committed", 1)],
    FOUND: [("POST /v1/Services answered", 1), ("service_lines/settle_line run", 1)],
    "again while it plans the call again": [
        ("POST /v1/Services planned", 1),
        ("service_lines/plan_again committed", 1),
    ],
    "twice before the same post": [("POST /v1/Services planned", 1), ("POST /v1/Services planned", 1)],
}

AT_ONCE = 4
"""So many changes run at the same time, each in a database of its own: most of the time they wait for leases to end."""


@pytest.fixture(scope="module")
def ends(opened: Opened, vendor_process: VendorProcess, request: pytest.FixtureRequest) -> dict[str, Future[None]]:
    """Return what became of each chosen point's change.

    All have ended before the first test begins: between tests pytest writes to the environment, which nobody may read then.
    """
    vendor_process.calm()
    vendor_process.change(search_lag_seconds=1)
    marks = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {mark.params.get("point") for mark in marks if mark is not None}
    plain = groups().plain
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {
            point: pool.submit(die_there, opened, vendor_process, point, plain[place * 6 : place * 6 + 6])
            for place, point in enumerate(POINTS)
            if point in asked
        }


def die_there(opened: Opened, vendor: VendorProcess, point: str, devices: Sequence[str]) -> None:
    """Run a change of six devices; the last has a line that only the vendor knows, unless the death is to meet another."""
    if point != FOUND:
        vendor.plant(devices[-1])
    with opened(vendor, devices, RevProductIdList=PRODUCTS, RateList=["4.50", "1.25"]) as site:
        foreman = site.foreman(SHORT, deaths=tuple(POINTS[point]))
        closed = foreman.run_change(seconds=120)
        assert site.deaths_died() == foreman.died_in.total() == len(POINTS[point]), (
            "the change never came to that point"
        )
        assert foreman.failures == []
        assert (closed["status"], closed["codes"]) == ("PROCESSED", {"PROCESSED": len(devices)})
        check_books(site.flow, vendor, site.claim.bulk_change_id, accepted=devices, products=PRODUCTS)
        counted = figures(site.flow.portal)
        assert counted.unknown == counted.settled


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_once_everything_ends_well_and_is_billed_once(ends: dict[str, Future[None]], point: str) -> None:
    ends[point].result()

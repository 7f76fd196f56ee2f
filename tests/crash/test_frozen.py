"""A worker that stood still for longer than its lease, and wakes up when another has done its work, bills nothing again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from local.sample_data import groups, world
from tests.crash.books import check_books
from tests.crash.foreman import Foreman, Hand
from tests.crash.site import SHORT, Opened, Site
from tests.crash.vendor import VendorProcess

pytestmark = pytest.mark.slow
DEVICES = groups().plain[:6]
ALONE = SHORT | {"rev_concurrency": 1, "rev_lease_seconds": 6.0, "rev_search_lag_seconds": 6.0}
"""One call at a time: the frozen worker holds no lock that the others wait for. On a busy machine the simulator may commit
seconds after a call was given up, which only a longer wait may count as lost."""
PRODUCTS = [world.PRODUCT]


@dataclass
class Ice:
    """Gives a worker up that has frozen, and thaws it when another has finished what it was at."""

    site: Site
    is_time: Callable[[], bool]
    frozen: Hand | None = None
    thawed: bool = False

    def tick(self, foreman: Foreman) -> None:
        """Do what is due; a thawed worker ends its try before anything else goes on."""
        for death in self.site.folder.glob("death-*"):
            if self.frozen is None and death.read_text():
                self.frozen = foreman.give_up(int(death.read_text()))
        if self.frozen and not self.thawed and self.is_time():
            self.thawed = True
            pid = self.frozen.process.pid
            assert pid is not None
            os.kill(pid, signal.SIGCONT)
            end = time.monotonic() + 30
            while not any(word != "began" for word, _ in self.frozen.told() or ()):
                assert time.monotonic() < end


@pytest.mark.parametrize("point", ["service_lines/begin_calls committed", "service_lines/begin_product committed"])
def test_a_worker_that_was_frozen_before_a_call_does_not_make_it_any_more(
    opened: Opened, vendor: VendorProcess, point: str
) -> None:
    with opened(vendor, DEVICES, RevProductIdList=PRODUCTS, RateList=["4.50"]) as site:
        ice = Ice(site, lambda: sum(vendor.created_products().values()) == len(DEVICES))
        foreman = site.foreman(ALONE, deaths=((point, 1),), limits={"freezes": True}, tick=ice.tick)
        closed = foreman.run_change(seconds=90)
        assert ice.thawed
        check_books(site.flow, vendor, site.claim.bulk_change_id, accepted=DEVICES, products=PRODUCTS)
        assert closed["codes"] == {"PROCESSED": len(DEVICES)}
        assert foreman.failures == []

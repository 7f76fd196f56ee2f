"""How many calls to Rev.io a change of one device needs whose customer has many lines: look-ups, or the whole list."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, update

from benchmarks.progress import Tell, silent
from benchmarks.rig import steps
from benchmarks.rig.fleet import Crew, Site, fleet
from benchmarks.rig.portal import FIRST_DEVICE, LINE, make_portal, request_change
from benchmarks.rig.vendor import BenchVendor
from device_association.database.execution import make_engine
from device_association.database.tables.lines import revio_snapshot
from device_association.rate_limiting.policy import Limits
from local.sample_data import world

AGE = timedelta(minutes=10)
CHANGES = 4
"""The account is listed for the first, its filters are proven for the second; the last one is measured."""


def _let_looks_age(engine: Engine) -> None:
    """Let the account have been looked at ten minutes ago, as in a portal where not every minute a change is made."""
    then = steps.now() - AGE
    with engine.begin() as connection:
        connection.execute(update(revio_snapshot).values(ListedDate=then, LookedDate=then))


class LookBench:
    """Changes of one device, one after the other."""

    def __init__(self, portal_url: str, *, existing: int = 5000, tell: Tell = silent) -> None:
        self._portal_url, self._existing, self._tell = portal_url, existing, tell

    def calls(self, *, odd_spelling: bool) -> int:
        """Return the calls of the last change, its POST included; an odd spelling in the account forbids look-ups."""
        name = f"portal_bench_looks_{'odd' if odd_spelling else 'regular'}"
        url, odd = make_portal(self._portal_url, name, CHANGES, self._tell), 1 if odd_spelling else 0
        numbers = range(FIRST_DEVICE, FIRST_DEVICE + CHANGES)
        with BenchVendor(latency_ms=0, acme_lines=self._existing, odd_lines=odd) as vendor:
            site = Site(url, vendor.account, Limits(calls_per_minute=0), Crew(processes=1, calls=1))
            with fleet(site) as workers:
                engine, before = make_engine(url), 0
                for place, number in enumerate(numbers, 1):
                    self._tell("one device of a customer with many lines, change", place, CHANGES)
                    if place == CHANGES:
                        _let_looks_age(engine)
                        before = vendor.meter().accepted
                    change = request_change(engine, range(number, number + 1), LINE)
                    for step in steps.BEFORE_LINES:
                        step(engine, change)
                    slices = steps.plan(engine, change, site.clients(engine, change), site.settings)
                    workers.create(change, slices, self._tell)
                    for step in steps.AFTER_LINES:
                        step(engine, change)
                engine.dispose()
            vendor.require_one_line(map(world.iccid, numbers))
            return vendor.meter().accepted - before

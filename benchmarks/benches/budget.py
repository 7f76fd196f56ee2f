"""How much of a Rev.io account's budget a big change uses while it never goes over it.

2,000 lines for a customer who has 5,000, two worker processes that share the account, limiter and simulator at 500 calls
in any sliding minute. It takes four minutes; Airflow need not run.
"""

from __future__ import annotations

from functools import cached_property

from benchmarks.progress import Tell, silent
from benchmarks.rig import steps
from benchmarks.rig.fleet import Crew, Site, fleet
from benchmarks.rig.portal import FIRST_DEVICE, LINE, make_portal, request_change
from benchmarks.rig.vendor import BenchVendor, Meter
from device_association.database.execution import make_engine
from device_association.rate_limiting.policy import Limits
from local.sample_data import world

LATENCY_MS = 50
TWO_WORKERS = Crew(processes=2, calls=8)


class BudgetBench:
    """One change under a limit; smaller numbers show that it runs, they measure nothing."""

    def __init__(
        self,
        portal_url: str,
        *,
        devices: int = 2000,
        existing: int = 5000,
        calls_per_minute: int = 500,
        tell: Tell = silent,
    ) -> None:
        import great_expectations  # noqa: F401 -- a task's process has it from the scheduler

        self._portal_url, self._devices, self._existing = portal_url, devices, existing
        self._limits, self._tell = Limits(calls_per_minute=calls_per_minute), tell

    @property
    def share(self) -> float:
        """The time that the accepted calls need at the least, of the time that they took."""
        least = self._meter.accepted * self._limits.pace.total_seconds()
        return least / self._meter.seconds

    @property
    def turned_away(self) -> float:
        """How many calls were answered 429."""
        return self._meter.turned_away

    @property
    def calls_per_device(self) -> float:
        """Accepted calls for each device, with those that listed the customer's lines."""
        return self._meter.accepted / self._devices

    @cached_property
    def _meter(self) -> Meter:
        url = make_portal(self._portal_url, "portal_bench_budget", self._devices, self._tell)
        limit, numbers = self._limits.calls_per_minute, range(FIRST_DEVICE, FIRST_DEVICE + self._devices)
        with BenchVendor(latency_ms=LATENCY_MS, calls_per_minute=limit, acme_lines=self._existing) as vendor:
            site = Site(url, vendor.account, self._limits, TWO_WORKERS)
            with fleet(site) as workers:
                engine = make_engine(url)
                change = request_change(engine, numbers, LINE)
                for step in steps.BEFORE_LINES:
                    step(engine, change)
                self._tell(f"planning {self._devices:,} lines at {limit} calls a minute")
                slices = steps.plan(engine, change, site.clients(engine, change), site.settings)
                workers.create(change, slices, self._tell)
                engine.dispose()
            vendor.require_one_line(map(world.iccid, numbers))
            return vendor.meter()

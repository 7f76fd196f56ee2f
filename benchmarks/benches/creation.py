"""How much faster a change of 500 devices is than one device after the other, and how near to doing nothing but calling.

Rev.io answers after 50 ms and has no rate limit. Everything is imported and the worker processes are there before a clock
starts. Each bench has a simulator and a portal database of its own; Airflow need not run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from functools import cached_property

from sqlalchemy import URL

from benchmarks.baselines.bare_client import post_all
from benchmarks.baselines.device_by_device import associate_one_by_one
from benchmarks.progress import Tell, silent
from benchmarks.rig import steps
from benchmarks.rig.fleet import PRODUCTION, Crew, Fleet, Site, fleet
from benchmarks.rig.portal import FIRST_DEVICE, LINE, make_portal, request_change
from benchmarks.rig.vendor import BenchVendor
from device_association.database.execution import make_engine
from device_association.rate_limiting.policy import Limits
from device_association.service_lines.context import list_slice_devices
from device_association.service_lines.devices import SliceDevice, line_body
from local.sample_data import world

DEVICES = 500
LATENCY_MS = 50
TRIES = 3
"""How often what takes a second is measured; the median counts."""
NO_LIMITS = Limits(calls_per_minute=0)


class CreationBench:
    """Changes of as many devices as are asked for, each with a line at Rev.io."""

    def __init__(
        self, portal_url: str, *, devices: int = DEVICES, crew: Crew = PRODUCTION, tell: Tell = silent
    ) -> None:
        import great_expectations  # noqa: F401 -- a task's process has it from the scheduler

        self._portal_url, self.devices, self.crew, self._tell = portal_url, devices, crew, tell

    @property
    def ratio_vs_device_by_device(self) -> float:
        """How many times longer one device after the other takes than all steps of ours."""
        theirs, ours = self._whole_changes
        return theirs / ours

    @property
    def device_by_device_seconds(self) -> float:
        """How long one device after the other takes."""
        return self._whole_changes[0]

    @cached_property
    def ratio_vs_bare_asyncio(self) -> float:
        """How many times longer our create phase takes than POSTs alone."""
        url = make_portal(self._portal_url, "portal_bench_bare", 2 * TRIES * self.devices, self._tell)
        with BenchVendor(latency_ms=LATENCY_MS) as vendor, fleet(self._site(url, vendor)) as workers:
            parts = self._parts(2 * TRIES)
            tries: list[tuple[float, float]] = []
            for number, (first, second) in enumerate(zip(parts[::2], parts[1::2], strict=True), 1):
                self._tell(f"{self.devices} lines by POSTs alone and by ours, try", number, TRIES)
                tries.append(self._bare_and_ours(url, vendor, workers, first, second))
            _require_lines(vendor, parts)
        bare, ours = (statistics.median(each) for each in zip(*tries, strict=True))
        return float(ours / bare)

    @cached_property
    def _whole_changes(self) -> tuple[float, float]:
        """Seconds of one device after the other, and of ours."""
        url = make_portal(self._portal_url, "portal_bench_ratio", (1 + TRIES) * self.devices, self._tell)
        with BenchVendor(latency_ms=LATENCY_MS) as vendor, fleet(self._site(url, vendor)) as workers:
            parts = self._parts(1 + TRIES)
            tries = []
            for number, part in enumerate(parts[1:], 1):
                self._tell(f"{self.devices} devices by ours, try", number, TRIES)
                tries.append(self._bring_to_end(url, vendor, workers, part))
            ours, change = statistics.median(tries), self._requested(url, parts[0])
            theirs = _seconds(lambda: associate_one_by_one(url, vendor.account, change, self._tell))
            _require_lines(vendor, parts)
        return theirs, ours

    def _bring_to_end(self, url: URL, vendor: BenchVendor, workers: Fleet, numbers: range) -> float:
        change, site = self._requested(url, numbers), self._site(url, vendor)

        def bring() -> None:
            engine = make_engine(url)
            for step in steps.BEFORE_LINES:
                step(engine, change)
            workers.create(change, steps.plan(engine, change, site.clients(engine, change), site.settings))
            for step in steps.AFTER_LINES:
                step(engine, change)
            engine.dispose()

        return _seconds(bring)

    def _bare_and_ours(
        self, url: URL, vendor: BenchVendor, workers: Fleet, first: range, second: range
    ) -> tuple[float, float]:
        """Seconds of POSTs alone for the SIMs of one change, and of our create phase for those of another."""
        asked, slices = self._planned(url, vendor, first)
        bodies = self._bodies(url, asked, slices)
        in_flight = self.crew.processes * self.crew.calls
        bare = _seconds(lambda: post_all(vendor.account, bodies, in_flight=in_flight))
        change, slices = self._planned(url, vendor, second)
        return bare, _seconds(lambda: workers.create(change, slices))

    def _planned(self, url: URL, vendor: BenchVendor, numbers: range) -> tuple[int, list[int]]:
        change, site, engine = self._requested(url, numbers), self._site(url, vendor), make_engine(url)
        for step in steps.BEFORE_LINES:
            step(engine, change)
        slices = steps.plan(engine, change, site.clients(engine, change), site.settings)
        engine.dispose()
        return change, slices

    def _bodies(self, url: URL, change: int, slices: Sequence[int]) -> list[dict[str, object]]:
        engine = make_engine(url)
        claim = steps.claim_of(engine, change)
        with engine.connect() as connection:
            found = [list_slice_devices(connection, claim, number) for number in slices]
        engine.dispose()
        return [line_body(SliceDevice.of(one, now=steps.now(), account_zone=UTC)) for part in found for one in part]

    def _requested(self, url: URL, numbers: range) -> int:
        engine = make_engine(url)
        change = request_change(engine, numbers, LINE)
        engine.dispose()
        return change

    def _site(self, url: URL, vendor: BenchVendor) -> Site:
        return Site(url, vendor.account, NO_LIMITS, self.crew)

    def _parts(self, count: int) -> list[range]:
        """Return the devices of so many changes of their own."""
        starts = range(FIRST_DEVICE, FIRST_DEVICE + count * self.devices, self.devices)
        return [range(start, start + self.devices) for start in starts]


def _require_lines(vendor: BenchVendor, parts: Sequence[range]) -> None:
    vendor.require_one_line(world.iccid(number) for part in parts for number in part)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

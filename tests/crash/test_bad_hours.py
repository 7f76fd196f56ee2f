"""The vendor goes away for a while, or somebody else uses up the account: the change waits and ends by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import requests

from local.sample_data import groups
from tests.crash.books import check_books, figures
from tests.crash.foreman import Foreman
from tests.crash.site import PATIENT, Opened, Site, from_environment
from tests.crash.vendor import VendorProcess
from tests.crash.worker import account

pytestmark = pytest.mark.slow
OUTAGE_SECONDS = from_environment("CRASH_OUTAGE_SECONDS", 8)
FOREIGN_SECONDS = from_environment("CRASH_FOREIGN_SECONDS", 8)
DEVICES = groups().plain[:120]
WORKERS, CONCURRENCY, THROTTLED_FOR = 3, 8, 2
READS = ("/v1/Services", "/v1/SystemStatus")
LAG = 5


@dataclass
class Course:
    """Acts one after the other: the first once a quarter of the lines is there, each next one so many seconds later."""

    site: Site
    acts: list[tuple[float, Callable[[], None]]]
    next_at: float = 0.0
    begun: float = 0.0
    ended: float = 0.0
    lines: list[int] = field(default_factory=list)

    def tick(self, _: Foreman) -> None:
        """Do what is due."""
        if not self.acts or time.monotonic() < self.next_at:
            return
        if not self.begun and self.site.created() < len(DEVICES) / 4:
            return
        self.begun = self.begun or time.monotonic()
        lasts, act = self.acts.pop(0)
        act()
        self.lines.append(self.site.created())
        self.next_at = self.ended = time.monotonic() + lasts


def hang(vendor: VendorProcess) -> None:
    """Let no call have its answer; half of those that create a line do create it."""
    vendor.fault("timeout_after", share=0.5, seconds=3)
    vendor.fault("timeout_before", seconds=3)
    for path in READS:
        vendor.fault("timeout_before", method="GET", path=path, seconds=3)


def start_lagging(vendor: VendorProcess, *, answers: bool = True) -> None:
    vendor.start()
    vendor.change(search_lag_seconds=LAG, latency_ms=300)
    if not answers:
        hang(vendor)


def acts_of(outage: str, vendor: VendorProcess) -> list[tuple[float, Callable[[], None]]]:
    half = OUTAGE_SECONDS / 2
    match outage:
        case "refused, then hanging":
            restart = (half, lambda: start_lagging(vendor, answers=False))
            return [(half, vendor.kill), restart, (0, lambda: vendor.control("DELETE", "faults"))]
        case "hanging, then refused":
            return [(half, lambda: hang(vendor)), (half, vendor.kill), (0, lambda: start_lagging(vendor))]
        case "acted on too late":
            return [(max(OUTAGE_SECONDS, 2 * PATIENT["rev_search_lag_seconds"]), vendor.freeze), (0, vendor.thaw)]
    raise ValueError(outage)


@pytest.mark.parametrize("outage", ["refused, then hanging", "hanging, then refused", "acted on too late"])
def test_an_outage_in_mid_run_costs_no_device_its_line(
    opened: Opened, vendor: VendorProcess, capsys: pytest.CaptureFixture[str], outage: str
) -> None:
    vendor.change(search_lag_seconds=LAG, latency_ms=300)
    with opened(vendor, DEVICES) as site:
        course = Course(site, acts_of(outage, vendor))
        limits = {"open_seconds": min(20.0, OUTAGE_SECONDS / 4)}
        foreman = site.foreman(PATIENT, limits=limits, workers=WORKERS, tick=course.tick)
        closed = foreman.run_change(seconds=OUTAGE_SECONDS + 120)
        counted, after = figures(site.flow.portal), time.monotonic() - course.ended
        with capsys.disabled():
            print(
                f"\n{course.ended - course.begun:.0f} s {outage}, with {course.lines[0]} of {len(DEVICES)} lines there: "
                f"{counted.begun} calls begun, {counted.unknown} outcomes became unknown, {counted.found} of them were "
                f"found, {counted.repeated} called again, {course.lines[-1]} lines there at its end, all {after:.0f} s later"
            )
        assert foreman.failures == []
        assert closed["codes"] == {"PROCESSED": len(DEVICES)}
        check_books(site.flow, vendor, site.claim.bulk_change_id, accepted=DEVICES)
        assert counted.unknown == counted.settled > 0
        assert course.lines[0] <= course.lines[-1] < len(DEVICES)


@dataclass
class ForeignCaller:
    """Another vendor of the same customer, who shares the account's budget."""

    vendor: VendorProcess
    calls: int = 0
    turned_away: int = 0

    def use_up(self) -> None:
        """Call until the account's minute is used up; what is told then is for everybody."""
        whose = account("revio_northwind", self.vendor.url)
        url = f"{self.vendor.url}/v1/SystemStatus"
        headers = {"Authorization": f"Basic {whose.token()}", "Ocp-Apim-Subscription-Key": whose.subscription_key}
        with ThreadPoolExecutor(16) as callers:
            told = [200]
            while 429 not in told:
                calls = [callers.submit(requests.get, url, headers=headers, timeout=10) for _ in range(16)]
                told = [call.result().status_code for call in calls]
                self.calls += told.count(200)
                self.turned_away += told.count(429)


def test_a_foreign_caller_who_uses_up_the_account_makes_all_wait_and_nobody_fail(
    opened: Opened, vendor: VendorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    """With less than the vendor's minute to wait, the vendor only says so; with more the minute really is used up."""
    vendor.change(latency_ms=300)
    foreign, calls_per_minute = ForeignCaller(vendor), 6000
    acts: list[tuple[float, Callable[[], None]]]
    if FOREIGN_SECONDS >= 60:
        calls_per_minute = 300
        vendor.change(calls_per_minute=calls_per_minute)
        acts = [(0, foreign.use_up)]
    else:
        acts = [(FOREIGN_SECONDS, lambda: throttle(vendor)), (0, lambda: vendor.control("DELETE", "faults"))]
    with opened(vendor, DEVICES) as site:
        course = Course(site, acts)
        settings = PATIENT | {"rev_concurrency": CONCURRENCY}
        limits = {"calls_per_minute": calls_per_minute}
        foreman = site.foreman(settings, limits=limits, workers=WORKERS, tick=course.tick)
        closed = foreman.run_change(seconds=FOREIGN_SECONDS + 200)
        turned_away, counted = vendor.counted("status 429") - foreign.turned_away, figures(site.flow.portal)
        paused = site.flow.all("device_association", "call_budget")[0]["pausedseconds"]
        with capsys.disabled():
            print(
                f"\nthe account was used up with {course.lines[0]} of {len(DEVICES)} lines there ({foreign.calls} foreign "
                f"calls): {turned_away} of our calls were turned away, the account was paused for {paused} s in all, 0 "
                f"devices failed, all lines {time.monotonic() - course.begun:.0f} s later"
            )
        assert foreman.failures == []
        assert closed["codes"] == {"PROCESSED": len(DEVICES)}
        check_books(site.flow, vendor, site.claim.bulk_change_id, accepted=DEVICES)
        assert counted.unknown == 0
        waits = FOREIGN_SECONDS / THROTTLED_FOR + 1
        assert 0 < turned_away <= waits * WORKERS * CONCURRENCY, (
            "a pause holds for all workers: each call meets it once"
        )
        assert paused >= min(FOREIGN_SECONDS, 30) - 3


def throttle(vendor: VendorProcess) -> None:
    vendor.fault("throttle_header", seconds=THROTTLED_FOR)
    for path in READS:
        vendor.fault("throttle_header", method="GET", path=path, seconds=THROTTLED_FOR)

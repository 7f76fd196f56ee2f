"""The figures of `make bench`, and the benches that measure them."""

from __future__ import annotations

from functools import cached_property

from benchmarks.benches.budget import BudgetBench
from benchmarks.benches.creation import CreationBench
from benchmarks.benches.database import DatabaseBench
from benchmarks.benches.growth import GrowthBench
from benchmarks.benches.latency import Bench
from benchmarks.benches.looks import LookBench
from benchmarks.benches.portal_api import PortalBench
from benchmarks.benches.scheduled_plans import PlansBench
from benchmarks.measuring import Figure
from benchmarks.progress import Tell
from benchmarks.quantiles import median, p95
from benchmarks.rig.fleet import PRODUCTION
from local.stack.ports import PortTakenError
from local.stack.stack import Stack
from local.stack.supervision import NotReadyError, PartDiedError


class Benches:
    """What is measured, on as much of the stack as it needs: each part is made when its first figure is."""

    def __init__(self, stack: Stack, tell: Tell) -> None:
        self._stack, self._tell = stack, tell
        self._broken: Exception | None = None

    @cached_property
    def latency(self) -> Bench:
        """Changes on the whole stack."""
        self._start()
        return Bench(self._stack, self._tell)

    @cached_property
    def portal(self) -> PortalBench:
        """The portal's API; it stops the scheduler, so its figures are the last."""
        self._start()
        return PortalBench(self._stack, tell=self._tell)

    @cached_property
    def database(self) -> DatabaseBench:
        """The database steps alone."""
        return DatabaseBench(self._database_url, tell=self._tell)

    @cached_property
    def creation(self) -> CreationBench:
        """Changes with lines, without Airflow."""
        return CreationBench(self._database_url, tell=self._tell)

    @cached_property
    def budget(self) -> BudgetBench:
        """A big change under Rev.io's limit, without Airflow."""
        return BudgetBench(self._database_url, tell=self._tell)

    @cached_property
    def looks(self) -> LookBench:
        """Changes of one device whose customer has many lines, without Airflow."""
        return LookBench(self._database_url, tell=self._tell)

    @cached_property
    def plans(self) -> PlansBench:
        """Scheduled plans that are due, without Airflow."""
        return PlansBench(self._database_url, tell=self._tell)

    @cached_property
    def growth(self) -> GrowthBench:
        """What a change leaves in the database, without Airflow."""
        return GrowthBench(self._database_url, tell=self._tell)

    def _start(self) -> None:
        """Start the stack; where it did not start for one figure, the next ones do not wait for it again."""
        if self._broken:
            raise self._broken
        self._tell("starting the stack")
        try:
            self._stack.up(lambda part, said: self._tell(f"starting the stack, {part} {said}"))
        except (PartDiedError, NotReadyError, PortTakenError) as problem:
            self._broken = problem
            raise

    @property
    def _database_url(self) -> str:
        self._tell("starting PostgreSQL")
        self._stack.start("postgres")
        return self._stack.portal_url


FIGURES: dict[str, Figure[Benches]] = {
    "revio_budget_share": Figure(lambda on: on.budget.share, "share of 500 calls a minute, 2,000 lines", ">= 0.97"),
    "revio_429s": Figure(lambda on: on.budget.turned_away, "calls turned away", "<= 0"),
    "revio_calls_per_device": Figure(lambda on: on.budget.calls_per_device, "calls, look-ups included", "<= 1.03"),
    "calls_one_device_5000_lines": Figure(
        lambda on: on.looks.calls(odd_spelling=False), "calls, filters proven and account regular", "<= 3"
    ),
    "calls_one_device_5000_lines_listed": Figure(
        lambda on: on.looks.calls(odd_spelling=True), "calls, the customer's list is read"
    ),
    "ratio_vs_device_by_device": Figure(
        lambda on: on.creation.ratio_vs_device_by_device, f"x, 500 devices, 50 ms a call, {PRODUCTION}", ">= 20"
    ),
    "ratio_vs_bare_asyncio": Figure(
        lambda on: on.creation.ratio_vs_bare_asyncio, f"x, 500 devices, 50 ms a call, {PRODUCTION}", "<= 2"
    ),
    "one_device_seconds": Figure(lambda on: median(on.latency.one_device()[1]), "s, median of 25", "<= 6"),
    "one_device_p95_seconds": Figure(lambda on: p95(on.latency.one_device()[1]), "s, p95 of 25"),
    "enqueue_to_run_seconds": Figure(lambda on: median(on.latency.one_device()[0]), "s, median of 25"),
    "enqueue_to_run_p95_seconds": Figure(lambda on: p95(on.latency.one_device()[0]), "s, p95 of 25", "<= 2"),
    "db_100k_seconds": Figure(
        lambda on: on.database.cost(100_000).seconds, "s, all database steps of a change", "<= 20"
    ),
    "db_cost_ratio_100k_10k": Figure(lambda on: _ratio(on.database), "cost of a device, 100,000 to 10,000", "<= 1.3"),
    "db_100k_peak_mib": Figure(lambda on: on.database.cost(100_000).peak_mib, "MiB, largest task process", "< 512"),
    "scheduled_plans_50k_seconds": Figure(lambda on: on.plans.cost.seconds, "s, 50,000 due plans set by one run"),
    "scheduled_plans_50k_statements": Figure(lambda on: on.plans.cost.statements, "statements of that run"),
    "working_tables_mib_100k": Figure(
        lambda on: on.growth.of("device_association"), "MiB of our tables, 100,000 devices with lines"
    ),
    "portal_tables_mib_100k": Figure(lambda on: on.growth.of("dbo"), "MiB of the portal's tables, the same"),
    "burst_200_last_run_seconds": Figure(
        lambda on: on.latency.burst[0], "s, 200 changes enqueued at once, last run made", "<= 20"
    ),
    "burst_200_final_seconds": Figure(lambda on: on.latency.burst[1], "s, the last of them final"),
    "beside_20_approvals_seconds": Figure(
        lambda on: on.latency.beside_approvals, "s, one device while 20 changes wait for approval, median of 25", "<= 6"
    ),
    "thousand_devices_seconds": Figure(lambda on: on.latency.lines_seconds(1000), "s, 1,000 lines at 50 ms a call"),
    "ratio_vs_device_by_device_with_airflow": Figure(
        lambda on: on.creation.device_by_device_seconds / on.latency.lines_seconds(500),
        "x, 500 devices, 50 ms a call, from SendMessage on",
    ),
    "small_change_delay_seconds": Figure(
        lambda on: on.latency.small_change_delay, "s, 5 devices beside 20,000 in work, against alone", "<= 30"
    ),
    "post_10k_p95_seconds": Figure(lambda on: on.portal.post_10k_p95, "s, p95 of 20 requests", "<= 0.7"),
    "post_100k_seconds": Figure(lambda on: on.portal.post_100k, "s, median of 3 requests", "<= 6"),
    "device_page_p95_ms": Figure(
        lambda on: on.portal.page_p95_ms, "ms, p95 of 100 pages of 100,000 devices, cold and warm", "<= 200"
    ),
    "device_page_watched_p95_ms": Figure(lambda on: on.portal.watched[0], "ms, the same while 50 watch", "<= 200"),
    "post_10k_watched_p95_seconds": Figure(lambda on: on.portal.watched[1], "s, p95 of 20, while 50 watch", "<= 0.7"),
    "api_server_mib": Figure(lambda on: on.portal.memory_mib, "MiB, the api-server after all that"),
}


def _ratio(database: DatabaseBench) -> float:
    return database.cost(100_000).seconds / database.cost(10_000).seconds / 10

"""Runs the figures, prints a table and writes `benchmarks/results/latest.json`; exits 1 when a goal is missed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local.settings import REPOSITORY, LocalSettings

sys.path[1:1] = [str(REPOSITORY / "include")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.budget import BudgetBench  # noqa: E402 - the product's code joins the path above
from benchmarks.creation import CreationBench  # noqa: E402
from benchmarks.database import DatabaseBench  # noqa: E402
from benchmarks.fleet import PRODUCTION  # noqa: E402
from benchmarks.growth import GrowthBench  # noqa: E402
from benchmarks.latency import Bench, median, p95  # noqa: E402
from benchmarks.portal_api import PortalBench  # noqa: E402
from benchmarks.scheduled_plans import PlansBench  # noqa: E402
from local.stack import Stack  # noqa: E402
from local.supervision import Report  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"


class Benches:
    """What is measured, on as much of the stack as it needs: each part is made when its first figure is."""

    def __init__(self, stack: Stack, report: Report) -> None:
        self._stack, self._report = stack, report

    @cached_property
    def latency(self) -> Bench:
        """Changes on the whole stack."""
        self._stack.up(self._report)
        return Bench(self._stack)

    @cached_property
    def portal(self) -> PortalBench:
        """The portal's API; it stops the scheduler, so its figures are the last."""
        self._stack.up(self._report)
        return PortalBench(self._stack)

    @cached_property
    def database(self) -> DatabaseBench:
        """The database steps alone."""
        return DatabaseBench(self._database_url)

    @cached_property
    def creation(self) -> CreationBench:
        """Changes with lines, without Airflow."""
        return CreationBench(self._database_url)

    @cached_property
    def budget(self) -> BudgetBench:
        """A big change under Rev.io's limit, without Airflow."""
        return BudgetBench(self._database_url)

    @cached_property
    def plans(self) -> PlansBench:
        """Scheduled plans that are due, without Airflow."""
        return PlansBench(self._database_url)

    @cached_property
    def growth(self) -> GrowthBench:
        """What a change leaves in the database, without Airflow."""
        return GrowthBench(self._database_url)

    @property
    def _database_url(self) -> str:
        self._stack.start("postgres")
        return self._stack.portal_url


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: how it is measured, its unit, and its goal (`<= 6`, or none)."""

    measure: Callable[[Benches], float]
    unit: str
    goal: str = ""

    def holds(self, value: float) -> bool:
        """Whether the value meets the goal."""
        operator, _, bound = self.goal.partition(" ")
        return {
            "<=": value <= float(bound or 0),
            ">=": value >= float(bound or 0),
            "<": value < float(bound or 0),
            "": True,
        }[operator]


FIGURES = {
    "revio_budget_share": Figure(lambda on: on.budget.share, "share of 500 calls a minute, 2,000 lines", ">= 0.97"),
    "revio_429s": Figure(lambda on: on.budget.turned_away, "calls turned away", "<= 0"),
    "revio_calls_per_device": Figure(lambda on: on.budget.calls_per_device, "calls, look-ups included", "<= 1.02"),
    "ratio_vs_device_by_device": Figure(
        lambda on: on.creation.ratio_vs_device_by_device, f"x, 500 devices, 50 ms a call, {PRODUCTION}", ">= 25"
    ),
    "ratio_vs_bare_asyncio": Figure(
        lambda on: on.creation.ratio_vs_bare_asyncio, f"x, 500 devices, 50 ms a call, {PRODUCTION}", "<= 1.3"
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


def main(names: list[str]) -> int:
    """Measure the named figures, or all."""
    console = Console()
    unknown = set(names) - set(FIGURES)
    if unknown:
        console.print(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
        return 2
    benches = Benches(Stack(LocalSettings()), lambda part, said: console.print(f"  {part:<22} {said}", highlight=False))
    chosen = {name: figure for name, figure in FIGURES.items() if not names or name in names}
    values = {name: round(figure.measure(benches), 3) for name, figure in chosen.items()}
    _write(chosen, values)
    return 0 if _show(console, chosen, values) else 1


def _show(console: Console, chosen: dict[str, Figure], values: dict[str, float]) -> bool:
    table = Table("figure", "value", "unit", "goal", "")
    for name, figure in chosen.items():
        met = figure.holds(values[name])
        table.add_row(name, str(values[name]), figure.unit, figure.goal, "met" if met else "[red]missed[/red]")
    console.print(table)
    return all(figure.holds(values[name]) for name, figure in chosen.items())


def _write(chosen: dict[str, Figure], values: dict[str, float]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    figures = {
        name: {"value": values[name], "unit": figure.unit, "goal": figure.goal} for name, figure in chosen.items()
    }
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"figures": figures, "machine": machine, "commit": commit.strip()}, indent=2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

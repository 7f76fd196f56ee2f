"""Runs the figures, prints a table and writes `benchmarks/results/latest.json`; exits 1 when a goal is missed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.settings import REPOSITORY, LocalSettings

sys.path[1:1] = [str(REPOSITORY / "include")]

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.latency import Bench, median, p95  # noqa: E402 - the product's code joins the path above
from local.stack import Stack  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: how it is measured, its unit, and its goal (`<= 6`, or none)."""

    measure: Callable[[Bench], float]
    unit: str
    goal: str = ""

    def holds(self, value: float) -> bool:
        """Whether the value meets the goal."""
        operator, _, bound = self.goal.partition(" ")
        return {"<=": value <= float(bound or 0), ">=": value >= float(bound or 0), "": True}[operator]


FIGURES = {
    "one_device_seconds": Figure(lambda bench: median(bench.one_device()[1]), "s, median of 25", "<= 6"),
    "one_device_p95_seconds": Figure(lambda bench: p95(bench.one_device()[1]), "s, p95 of 25"),
    "enqueue_to_run_seconds": Figure(lambda bench: median(bench.one_device()[0]), "s, median of 25"),
    "enqueue_to_run_p95_seconds": Figure(lambda bench: p95(bench.one_device()[0]), "s, p95 of 25", "<= 2"),
    "thousand_devices_seconds": Figure(lambda bench: _thousand(bench), "s, 1,000 lines at 50 ms a call"),
}


def _thousand(bench: Bench) -> float:
    seconds, exact = bench.thousand_devices()
    if exact != 1000:
        raise AssertionError(f"only {exact} of 1,000 SIMs have exactly one line")
    return seconds


def main(names: list[str]) -> int:
    """Measure the named figures, or all."""
    console = Console()
    unknown = set(names) - set(FIGURES)
    if unknown:
        console.print(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
        return 2
    stack = Stack(LocalSettings())
    stack.up(lambda part, said: console.print(f"  {part:<22} {said}", highlight=False))
    bench = Bench(stack)
    chosen = {name: figure for name, figure in FIGURES.items() if not names or name in names}
    values = {name: round(figure.measure(bench), 3) for name, figure in chosen.items()}
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

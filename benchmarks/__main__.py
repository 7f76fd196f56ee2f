"""Measures figures, prints a table and writes `benchmarks/results/latest.json`.

Exits 1 when a goal is missed or a figure fails, 2 when there is no figure of a given name.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import FIGURES, Benches
from benchmarks.measuring import Figure, Result, measure_all
from benchmarks.progress import Progress
from local.stack.settings import REPOSITORY, LocalSettings
from local.stack.stack import Stack

RESULTS = REPOSITORY / "benchmarks" / "results"
WIDTH = 160
"""Columns of the table where the output is not a terminal."""


def main(names: list[str]) -> int:
    """Measure the named figures, or all."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDTH)
    unknown = set(names) - set(FIGURES)
    if unknown:
        console.print(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
        return 2
    chosen = {name: figure for name, figure in FIGURES.items() if not names or name in names}
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as out:  # standard output itself goes to logs meanwhile
        progress = Progress(out, len(chosen))
        results = measure_all(chosen, Benches(Stack(LocalSettings()), progress.tell), progress, _logs())
    _write(chosen, results)
    _show(console, chosen, results)
    return 0 if all(is_met(figure, results[name]) for name, figure in chosen.items()) else 1


def is_met(figure: Figure[Any], result: Result) -> bool:
    """Whether the figure was measured and meets its goal."""
    return result.value is not None and figure.holds(result.value)


def _logs() -> Path:
    """Return the folder of the logs, by its short name where the program runs in the checkout."""
    folder = RESULTS / "logs"
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _show(console: Console, chosen: Mapping[str, Figure[Any]], results: Mapping[str, Result]) -> None:
    table = Table("figure", "value", "unit", "goal", "")
    for name, figure in chosen.items():
        value = results[name].value
        outcome = "[red]failed[/red]" if value is None else _outcome(figure, value)
        table.add_row(name, "" if value is None else str(value), figure.unit, figure.goal, outcome)
    console.print(table)


def _outcome(figure: Figure[Any], value: float) -> str:
    if not figure.goal:
        return ""
    return "met" if figure.holds(value) else "[red]missed[/red]"


def _write(chosen: Mapping[str, Figure[Any]], results: Mapping[str, Result]) -> None:
    """Write what was measured; a figure that failed is under `failed` with its error."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    written = {
        "figures": {
            name: {"value": results[name].value, "unit": figure.unit, "goal": figure.goal}
            for name, figure in chosen.items()
            if results[name].value is not None
        },
        "failed": {name: result.error for name, result in results.items() if result.value is None},
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "commit": commit.strip(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(written, indent=2), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Measures figures one after the other; one that fails stops none of the others."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks.progress import Progress

LONGEST_ERROR = 200
On = TypeVar("On")


@dataclass(frozen=True, slots=True)
class Figure(Generic[On]):
    """One number: how it is measured, its unit, and its goal (`<= 6`, or none)."""

    measure: Callable[[On], float]
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


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one figure: its value, or the error that ended it in one line."""

    value: float | None = None
    error: str = ""


def measure_all(figures: Mapping[str, Figure[On]], on: On, progress: Progress, logs: Path) -> dict[str, Result]:
    """Return the result of each figure by its name.

    What libraries and started programs print meanwhile goes to `<logs>/<figure>.log`, with the traceback of a failure.
    """
    logs.mkdir(parents=True, exist_ok=True)
    results = {}
    for name, figure in figures.items():
        log = logs / f"{name}.log"
        progress.begin(name)
        with output_in(log):
            results[name] = result = _measure(figure, on)
        if result.value is None:
            progress.end(f"FAILED, {result.error}; see {log}")
        else:
            progress.end(f"{result.value} {figure.unit}")
    return results


@contextmanager
def output_in(log: Path) -> Iterator[None]:
    """Write the output of this process, and of every process that it starts, to a new file.

    The descriptors are turned round and not `sys.stdout`: what libraries and children write goes past that.
    """
    _flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with log.open("wb") as file:
        for number, _ in kept:
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        _flush()
        for number, before in kept:
            os.dup2(before, number)
            os.close(before)


def _measure(figure: Figure[On], on: On) -> Result:
    try:
        return Result(round(figure.measure(on), 3))
    except Exception as problem:  # whatever ends one figure, the others are measured
        traceback.print_exc()
        return Result(error=_in_one_line(problem))


def _in_one_line(problem: Exception) -> str:
    first = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
    return f"{type(problem).__name__}: {first}"[:LONGEST_ERROR].removesuffix(": ")


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()

"""`python -m chaos`: one run, its figures in `benchmarks/results/chaos.json`; exits 1 when a promise was broken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chaos import report
from chaos.plan.schedule import full_kills, make_schedule
from chaos.run import chaotic_stack, ends_on_signals, play
from local.stack.settings import REPOSITORY, Executor

RESULTS = REPOSITORY / "benchmarks" / "results"
WIDTH = 150
"""Columns where the output is no terminal."""


def main(
    seed: Annotated[int, typer.Option(help="The same seed and minutes give the same schedule.")] = 1,
    minutes: Annotated[float, typer.Option(help="How long things break; the end comes after it.")] = 15.0,
    kills: Annotated[int, typer.Option(help="Kill the whole stack so many times during 50 changes instead.")] = 0,
    executor: Annotated[str, typer.Option(help="LocalExecutor, or CeleryExecutor with two workers.")] = "LocalExecutor",
) -> None:
    """Break everything while bulk changes are asked for, then compare what is there with what was acknowledged."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDTH)
    schedule = full_kills(seed, kills=kills) if kills else make_schedule(seed, minutes)
    name = "full_kills" if kills else "chaos"
    folder: Path = RESULTS / f"{name}-{seed}"
    console.print(
        f"Chaos with seed {seed} (schedule {schedule.digest}): {len(schedule.operations)} operations and "
        f"{len(schedule.faults)} faults in {schedule.seconds:.0f} s; everything is kept in {folder}",
        soft_wrap=True,
    )
    chosen: Executor = "CeleryExecutor" if executor == "CeleryExecutor" else "LocalExecutor"
    with ends_on_signals(), chaotic_stack(chosen, schedule.manners) as stack:
        outcome = play(stack, schedule, folder, lambda part, said: console.print(f"  {part:<10} {said}"))
    report.write(outcome, RESULTS / f"{name}.json")
    report.write(outcome, folder / "result.json")
    report.show(outcome, console)
    raise typer.Exit(1 if outcome.violations else 0)


if __name__ == "__main__":
    typer.run(main)

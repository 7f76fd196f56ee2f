"""One run: a stack of its own, the schedule played out, everything healed and waited for, the books read and checked."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy.exc import DBAPIError

from chaos import books
from chaos.actors.generator import Generator
from chaos.actors.nemesis import AIRFLOW, Nemesis
from chaos.checks.checker import Violation, check
from chaos.plan.schedule import Schedule
from chaos.records.history import History
from chaos.records.world import World
from chaos.scene.cast import set_scene
from chaos.scene.portal import NoAnswerError
from chaos.scene.site import PRODUCT, Site
from local.stack.processes import wait_until
from local.stack.stack import Stack
from local.stack.supervision import Report
from local.stack.temporary import IMPATIENT, temporary_stack

USERS = {"admin": "admin", "dora.ops": "op"}
SWEEP_EVERY, TELLS_EVERY = 30.0, 30.0
RECONCILES_WITHIN = 300.0
ENDED_RUNS = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    schedule: Schedule
    world: World
    violations: list[Violation]
    seconds: float


@contextmanager
def chaotic_stack(executor: str = "LocalExecutor", manners: Mapping[str, Any] | None = None) -> Iterator[Stack]:
    """Give a stack with short leases, whose vendor has these manners, and end all of it at the end, at once."""
    product, vendor = IMPATIENT | PRODUCT, dict(manners or {})
    with temporary_stack(users=USERS, product=product, executor=executor, revio_manners=vendor) as stack:
        try:
            yield stack
        finally:
            stack.kill_all()


def play(stack: Stack, schedule: Schedule, folder: Path, tell: Report, *, end_seconds: float = 1800.0) -> Outcome:
    """Play a schedule on a stack and check what became of it; history, schedule, books and logs are kept in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schedule.json").write_text(json.dumps({"seed": schedule.seed, "faults": schedule.faults}, indent=1))
    site, history, since = Site(stack), History(folder / "history.jsonl"), time.monotonic()
    books.set_witness(site.engine)
    site.prepare_queue()
    set_scene(site)
    generator = Generator(site, history)
    nemesis = Nemesis(site, generator, history)
    try:
        _play(schedule, generator, nemesis, tell)
        nemesis.heal()
        history.note("healed", "all")
        tell("nemesis", "all faults are over")
        generator.finish()
        sweep_every = None if schedule.name == "full kills" else SWEEP_EVERY
        _wait_for_the_end(site, tell, end_seconds, sweep_every)
        books.age_listings(site)
        history.note("reconciled", _reconcile(site))
        nemesis.stop()
        for part in AIRFLOW:
            with suppress(LookupError):
                stack.kill(part, family=True)
        world = books.read_world(site, history.events)
    finally:
        nemesis.stop()
        generator.stop()
        shutil.copytree(stack.settings.logs_dir, folder / "logs", dirs_exist_ok=True)  # the stack's folder goes away
    (folder / "world.json").write_text(world.to_json(), encoding="utf-8")
    return Outcome(schedule, world, check(world), time.monotonic() - since)


def _play(schedule: Schedule, generator: Generator, nemesis: Nemesis, tell: Report) -> None:
    """Begin every step in its time."""
    since, told = time.monotonic(), 0.0
    steps = [(one, generator.begin) for one in schedule.operations] + [(one, nemesis.begin) for one in schedule.faults]
    for step, begin in sorted(steps, key=lambda pair: float(pair[0]["at"])):
        time.sleep(max(0.0, step["at"] - (time.monotonic() - since)))
        begin(step)
        if step["at"] - told > 30:
            told = step["at"]
            tell("chaos", f"{told:.0f} of {schedule.seconds:.0f} s, {len(generator.changes)} changes acknowledged")


def _wait_for_the_end(site: Site, tell: Report, seconds: float, sweep_every: float | None) -> None:
    """Wait until nothing is left to do, or so long; with the sweep started as data ops would, or by itself only.

    Nothing that can be counted is left when a last sweep has passed: it also runs procedures that were not yet had.
    """
    since = swept = told = time.monotonic()
    while time.monotonic() - since < seconds:
        left = _left(site)
        if left == {}:
            _sweep(site, wait_seconds=180.0)
            return
        if time.monotonic() - told > TELLS_EVERY:
            told = time.monotonic()
            tell("end", ", ".join(f"{count} {name}" for name, count in left.items()))
        if sweep_every is not None and time.monotonic() - swept > sweep_every:
            swept = time.monotonic()
            _sweep(site)
        time.sleep(1)


def _left(site: Site) -> dict[str, Any]:
    try:
        return books.count_left(site)
    except DBAPIError:
        return {"database": "does not answer"}


def _sweep(site: Site, wait_seconds: float = 0.0) -> None:
    """Start the sweep by hand, and wait so long for its end."""
    runs = "/api/v2/dags/sweep_associations/dagRuns"
    try:
        if not wait_seconds and site.portal.send("GET", f"{runs}?state=running&state=queued")[1].get("total_entries"):
            return  # one is under way
        run_id = site.portal.send("POST", runs, {"logical_date": None})[1].get("dag_run_id")
        wait_until(lambda: site.portal.send("GET", f"{runs}/{run_id}")[1].get("state") in ENDED_RUNS, wait_seconds)
    except NoAnswerError:
        return


def _reconcile(site: Site) -> str:
    """Turn reconciliation on, which begins its run of yesterday, wait for it and return how it ended."""
    dag, last = "/api/v2/dags/reconcile_associations", "/dagRuns?order_by=-run_after&limit=1"

    def state() -> str:
        runs = site.portal.send("GET", dag + last)[1].get("dag_runs") or [{}]
        return str(runs[0].get("state"))

    try:
        site.portal.send("PATCH", dag, {"is_paused": False})
        wait_until(lambda: state() in ENDED_RUNS, RECONCILES_WITHIN)
        return state()
    except NoAnswerError:
        return "not answered"


@contextmanager
def ends_on_signals() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, with everything that it started."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

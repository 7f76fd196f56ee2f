"""What the database steps of one big change cost: from opening to closing, without Rev.io and without Airflow around them.

Each step runs in a process of its own, forked from one that has paid for its imports, as Airflow's workers do.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Engine

from benchmarks.progress import Tell, silent
from benchmarks.rig.portal import FIRST_DEVICE, make_portal, request_change
from benchmarks.rig.steps import WITHOUT_LINES, Step
from device_association.database.execution import make_engine
from local.sample_data import world

KINDS = (10_000, 100_000)
TERMS = {"AddCustomerRatePlan": True, "CustomerRatePlan": world.RATE_PLAN}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds and the peak memory of the largest step's process."""

    seconds: float
    peak_mib: float


class DatabaseBench:
    """A portal database of its own beside the stack's, with enough devices for the biggest change."""

    def __init__(self, portal_url: str, tell: Tell = silent) -> None:
        self.url, self._tell = make_portal(portal_url, "portal_bench", sum(KINDS), tell), tell

    @cache  # noqa: B019 - one object lives as long as the program
    def cost(self, devices: int) -> Cost:
        """Return what one change of so many devices costs; devices of the other kind are others."""
        first = FIRST_DEVICE + sum(kind for kind in KINDS if kind < devices)
        numbers = range(first, first + devices)
        self._tell(f"{devices:,} devices, request")
        change_id = _apart(self.url, lambda engine: request_change(engine, numbers, TERMS))[0]
        measured = []
        for step in WITHOUT_LINES:
            self._tell(f"{devices:,} devices, {step.__name__}")

            def of_change(engine: Engine, step: Step = step) -> None:
                step(engine, change_id)

            measured.append(_apart(self.url, of_change))
        return Cost(sum(seconds for _, seconds, _ in measured), max(peak for *_, peak in measured))


def _apart(url: Any, work: Callable[[Engine], Any]) -> tuple[Any, float, float]:
    """Run the work in a forked process; return its result, its seconds and its process' peak in MiB.

    Raises: AssertionError with the error of the work, whose traceback the process has printed.
    """
    import airflow.sdk  # noqa: F401 -- as below: a task's process has both
    import great_expectations  # noqa: F401 -- imported before the fork, as the scheduler does it

    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def child() -> None:
        began = time.perf_counter()
        try:
            result = work(make_engine(url))
        except BaseException as problem:
            send.send(f"{type(problem).__name__}: {problem}")
            raise
        seconds = time.perf_counter() - began
        send.send((result, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    process = context.Process(target=child)
    process.start()
    send.close()
    try:
        received = receive.recv()
    except EOFError:
        raise AssertionError("the process of a step was killed") from None
    finally:
        process.join()
    if isinstance(received, str):
        raise AssertionError(received)
    return received  # type: ignore[no-any-return]

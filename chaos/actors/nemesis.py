"""Breaks things, each in its time, and starts again what died, as a supervisor does; in the end it heals everything."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import requests
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from chaos.actors.generator import Generator
from chaos.actors.strikes import Strikes
from chaos.actors.vendor_strikes import MissedError
from chaos.plan.schedule import Step
from chaos.records.history import History
from chaos.scene.portal import NoAnswerError
from chaos.scene.site import Site
from local.stack import processes

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
LOOKS_EVERY = 1.0
MISSES = (
    *(MissedError, NoAnswerError, LookupError, psutil.Error),
    *(requests.RequestException, BotoCoreError, ClientError, DBAPIError),
)
"""What says that a fault could not be done: what it is about was down already."""
TRUE_VENDOR = {
    "search_lag_seconds": 0, "clock_off_seconds": 0, "ignored_filters": [], "empty_filters": [], "refused_filters": [],
}  # fmt: skip
"""The vendor's settings once all faults are over; its local time and how it lists ended lines stay."""
HEALS_WITHIN = 420.0
"""Seconds that all parts may take until they answer again, on a machine that others use too."""


class Nemesis:
    """The faults of a schedule, and who mends them."""

    def __init__(self, site: Site, generator: Generator, history: History) -> None:
        self._site, self._stack, self._history = site, site.stack, history
        self._hands = ThreadPoolExecutor(12, thread_name_prefix="nemesis")
        self._under_way: list[Future[None]] = []
        self._strikes = Strikes(site, generator, history)
        self._keeper = threading.Thread(target=self._keep_alive, name="keeper", daemon=True)
        self._keeper.start()

    def begin(self, step: Step) -> None:
        """Begin a fault; the others go on beside it."""
        self._under_way.append(self._hands.submit(self._strike, step))

    def heal(self) -> None:
        """End every fault, and wait until every part runs and answers."""
        for one in self._under_way:
            one.result()
        self._strikes.thaw()
        processes.wait_until(self._calm_vendor, 60)
        if not processes.wait_until(self._is_whole, HEALS_WITHIN):
            raise TimeoutError(f"after all faults these parts do not run: {self._stack.dead_parts()}")

    def stop(self) -> None:
        """Leave the dead where they are from now on."""
        self._strikes.over.set()
        self._keeper.join(60)
        self._hands.shutdown(cancel_futures=True)
        self._strikes.thaw()

    def _strike(self, step: Step) -> None:
        try:
            drawn = {name: one for name, one in step.items() if name not in {"at", "kind"}}
            self._history.note("fault", step["kind"], planned=step["at"], **drawn)
            self._strikes.strike(step)
        except (IntegrityError, ProgrammingError):
            raise  # a strike that is written wrongly is no strike that missed
        except MISSES as problem:
            self._history.note("missed", step["kind"], n=step["n"], said=f"{type(problem).__name__}: {problem}"[:200])
        else:
            self._history.note("struck", step["kind"], n=step["n"])

    def _keep_alive(self) -> None:
        queue_is_there = True
        while not self._strikes.over.wait(LOOKS_EVERY):
            revived = self._revive()
            if revived:
                self._history.note("revived", "parts", names=revived)
            if "sqs" in revived:
                self._history.note("queue forgot", "parts")
                queue_is_there = False
            if not queue_is_there:
                queue_is_there = self._site.prepare_queue()

    def _revive(self) -> list[str]:
        """Start what died; what cannot be started yet, as where a killed database's children still end, is tried again."""
        try:
            with self._strikes.hands_off:
                return self._stack.revive()
        except (RuntimeError, OSError, psutil.Error) as problem:
            self._history.note("not revived", "parts", said=f"{type(problem).__name__}: {problem}"[:300])
            return []

    def _calm_vendor(self) -> bool:
        try:
            self._site.stack.control_vendor("DELETE", "faults")
            self._site.stack.control_vendor("DELETE", "outage")
            self._site.stack.control_vendor("PATCH", "settings", TRUE_VENDOR)
        except requests.RequestException:
            return False
        return True

    def _is_whole(self) -> bool:
        ready = {one.name for one in self._stack.status() if one.state == "running"}
        known = {one.name for one in self._stack.status()}
        return ready == known and self._calm_vendor() and self._site.prepare_queue() and self._airflow_beats()

    def _airflow_beats(self) -> bool:
        try:
            answer = requests.get(f"{self._stack.airflow_url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        return all(answer[one]["status"] == "healthy" for one in ("scheduler", "triggerer", "dag_processor"))

"""A worker that may be killed: does what the mapped Airflow tasks do, over a real database and real HTTP.

`("slice", 3)` or `("close", None)` from its foreman is one try of one task. It answers with `("began", None)`, then with
`("done", result)`, `("unfinished", seconds)` or `("failed", reason)`.

It kills itself where it is told to, see `deaths`. Product files are not changed for that: statements are known by the names
of their files, and what a transaction ran is remembered until it commits.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing.connection import Connection as Wire
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, event
from urllib3.connection import HTTPConnection

from device_association.associations import associate
from device_association.bulk_changes import close
from device_association.bulk_changes.claims import Claim
from device_association.database import execution
from device_association.database.execution import database_clock, make_engine
from device_association.domain.errors import StepUnfinished
from device_association.rate_limiting import limiter
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import OPEN_SECONDS, Limits
from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.revio.transport import Timeouts
from device_association.service_lines import create, plan
from device_association.service_lines.context import open_context
from device_association.settings import Settings
from local.sample_data.seed import CONNECTIONS, revio_seed

POST: ContextVar[str | None] = ContextVar("POST", default=None)
"""The call that is being made; its thread has it from the one that waits for it."""


@dataclass(frozen=True)
class Job:
    """All that a worker is told: where it works, on what, how patiently, and where it dies."""

    database: str
    revio_url: str
    claim: dict[str, Any]
    settings: dict[str, Any]
    deaths: dict[str, tuple[str, int]] = field(default_factory=dict)
    """In their order: a file, the point of death, and the how-many-eth time that a worker passes it. Who makes the file
    dies, nobody else."""
    freezes: bool = False
    """Whether it is stopped there instead, as a machine without time for it would."""
    calls_per_minute: int = 6000
    open_seconds: float = OPEN_SECONDS
    """How long nobody calls a vendor that is ill; short where a test's outage is."""


class Deaths:
    """Kills this very process when it passes a point for the n-th time.

    A point is `<statement file> run` (not yet committed), `<statement file> committed`, or one of a call's:
    `POST <path> planned`, `... sent` (its answer is not read yet), `... answered` (nothing is recorded yet).
    """

    def __init__(self, deaths: Mapping[str, tuple[str, int]], by: signal.Signals = signal.SIGKILL) -> None:
        self._deaths, self._by, self._passed = deaths, by, Counter[str]()
        self._lock, self._here = threading.Lock(), threading.local()

    def passing(self, point: str) -> None:
        with self._lock:
            self._passed[point] += 1
            where, times, file = self._next()
            if where == point and self._passed[point] >= times:
                self._die(file)

    def watch_statements(self, engine: Engine) -> None:
        known = execution.statement

        def named(name: str, dialect: str) -> TextClause:
            self._ran().append(name)
            return known(name, dialect)

        execution.statement = named  # type: ignore[assignment]
        event.listen(engine, "commit", self._before_commit)
        event.listen(engine, "rollback", lambda _: self._ran().clear())
        event.listen(engine, "checkin", self._after_commit)

    def watch_answers(self) -> None:
        """Know when a request was handed over and its answer is not read yet."""
        read = HTTPConnection.getresponse

        def getresponse(connection: HTTPConnection) -> Any:
            if POST.get():
                self.passing(f"{POST.get()} sent")
            return read(connection)

        HTTPConnection.getresponse = getresponse  # type: ignore[assignment, method-assign]

    def around(self, path: str, post: Callable[[], int]) -> int:
        self.passing(f"POST {path} planned")
        made = POST.set(f"POST {path}")
        try:
            created = post()
        finally:
            POST.reset(made)
        self.passing(f"POST {path} answered")
        return created

    def _before_commit(self, _: Connection) -> None:
        for name in self._ran():
            self.passing(f"{name} run")

    def _after_commit(self, *_: object) -> None:
        ran = self._ran()
        while ran:
            self.passing(f"{ran.pop(0)} committed")

    def _ran(self) -> list[str]:
        if not hasattr(self._here, "ran"):
            self._here.ran = []
        ran: list[str] = self._here.ran
        return ran

    def _next(self) -> tuple[str, int, str]:
        """Return the death that is to come: they are died in their order."""
        for file, (where, times) in self._deaths.items():
            if not Path(file).exists():
                return where, times, file
        return "", 0, ""

    def _die(self, file: str) -> None:
        try:
            with Path(file).open("x") as mine:
                mine.write(str(os.getpid()))
        except FileExistsError:
            return
        os.kill(os.getpid(), self._by)


class MortalClient(RevioClient):
    """A client whose creates pass the points of death."""

    deaths: Deaths

    def create_line(self, body: Mapping[str, object]) -> int:
        return self.deaths.around("/v1/Services", partial(super().create_line, body))

    def create_product(self, body: Mapping[str, object]) -> int:
        return self.deaths.around("/v1/ServiceProduct", partial(super().create_product, body))


class WorkerProcess:
    """One process' engine, client, budget and clock, put together as `device_association_airflow.connections` does."""

    def __init__(self, job: Job) -> None:
        self.job, self.claim = job, Claim(**job.claim)
        self.settings = Settings(queue_url="http://127.0.0.1:9", **job.settings)
        self.deaths = Deaths(job.deaths, signal.SIGSTOP if job.freezes else signal.SIGKILL)
        limiter.OPEN_SECONDS = job.open_seconds  # type: ignore[attr-defined] # its name for the policy's
        self.engine = make_engine(job.database, rows_per_statement=self.settings.rows_per_statement)
        self.clock = database_clock(self.engine)
        self.budgets, self.clients = cache(self._budget), cache(self._client)
        self.deaths.watch_statements(self.engine)
        self.deaths.watch_answers()

    def try_once(self, task: str, number: int | None) -> Any:
        """Run one try of one task and return its result."""
        about = (self.engine, self.claim)
        match task:
            case "plan":
                return plan.plan_rev_services(*about, self.clients, self.settings, clock=self.clock)
            case "slice":
                assert number is not None
                context = open_context(*about, self.clients, self.settings, self.clock, self.budgets)
                return create.create_rev_services(context, number, last_try=False)
            case "associate":
                return associate.associate_devices(*about, clock=self.clock)
            case "history":
                return associate.update_cross_provider_device_history(*about, now=self.clock())
            case "links":
                return associate.update_device_rev_service_links(*about, now=self.clock())
            case "close":
                return close.close_bulk_change(*about, failed_steps=(), now=self.clock()).as_result()
        raise ValueError(task)

    def _budget(self, connection_id: str) -> RateLimiter:
        limits, change = Limits(calls_per_minute=self.job.calls_per_minute), self.claim.bulk_change_id
        budget = RateLimiter(
            self.engine, connection_id, limits, self.clock, change, self.settings.rev_retry_window_seconds
        )
        budget.open()
        return budget

    def _client(self, connection_id: str) -> RevioClient:
        budget, limits = self.budgets(connection_id), self.settings
        client = MortalClient(
            account(connection_id, self.job.revio_url),
            timeouts=Timeouts(
                limits.rev_connect_timeout_seconds, limits.rev_read_timeout_seconds, limits.rev_call_timeout_seconds
            ),
            connections=limits.rev_concurrency,
            before_call=budget.wait_for_call,
            after_call=budget.after_call,
        )
        client.deaths = self.deaths
        return client


def account(connection_id: str, revio_url: str) -> Account:
    """Return the sample world's account behind a connection, as the simulator's seed has it."""
    name = next(name for name, connection in CONNECTIONS.items() if connection == connection_id)
    found = next(one for one in revio_seed()["accounts"] if one["name"] == name)
    user = found["users"][0]
    login = f"{user['login']}@{found['client_code']}"
    return Account(connection_id, revio_url, login, user["password"], found["subscription_key"])


def work(job: Job, foreman: Wire, log: Path) -> None:
    """Do what the foreman says until it is silent."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(message)s", force=True)
    worker = WorkerProcess(job)
    while True:
        try:
            task, number = foreman.recv()
        except (EOFError, ConnectionError):
            return
        foreman.send(("began", None))
        try:
            foreman.send(("done", worker.try_once(task, number)))
        except StepUnfinished as later:
            foreman.send(("unfinished", later.retry_after))
        except Exception as problem:
            logging.exception("the try failed")
            foreman.send(("failed", f"{type(problem).__name__}: {problem}"[:500]))

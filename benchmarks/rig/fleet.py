"""The workers that create lines: processes as Airflow has them, each taking slice after slice, several calls at a time."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import URL, Engine

from benchmarks.progress import Tell, silent
from benchmarks.rig import steps
from device_association.database.execution import database_clock, make_engine
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Limits
from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.service_lines import create as line_creation
from device_association.service_lines.context import Clients, SliceContext, open_context
from device_association.service_lines.slices import SLICES_AT_ONCE
from device_association.settings import Settings


@dataclass(frozen=True, slots=True)
class Crew:
    """How many worker processes there are, and how many calls each has in flight."""

    processes: int
    calls: int

    def __str__(self) -> str:
        return f"{self.processes} processes of {self.calls} calls"


PRODUCTION = Crew(processes=SLICES_AT_ONCE, calls=8)
"""The slices of a change that are worked on at the same time, and the setting `rev_concurrency`, as they are delivered."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the workers work: what one process hands to another."""

    url: URL
    account: Account
    limits: Limits
    crew: Crew = PRODUCTION

    @property
    def settings(self) -> Settings:
        """The product's settings, with the crew's calls."""
        return Settings(queue_url="none", rev_concurrency=self.crew.calls)

    def context(self, engine: Engine, change: int) -> SliceContext:
        """Return the context of a slice, as the task `create_rev_service` makes it of Airflow's connections."""
        clock, budgets = database_clock(engine), self._budgets(engine, change)
        claim = steps.claim_of(engine, change)
        return open_context(engine, claim, self._clients(budgets), self.settings, clock, budgets)

    def clients(self, engine: Engine, change: int) -> Clients:
        """Return what gives the client of an account, whose calls count in the account's budget."""
        return self._clients(self._budgets(engine, change))

    def _clients(self, budgets: Callable[[str], RateLimiter | None]) -> Clients:
        def client(connection_id: str) -> RevioClient:
            budget = budgets(connection_id)
            return RevioClient(
                self.account,
                connections=self.crew.calls,
                before_call=budget.wait_for_call if budget else None,
                after_call=budget.after_call if budget else None,
            )

        return cache(client)

    def _budgets(self, engine: Engine, change: int) -> Callable[[str], RateLimiter | None]:
        def budget(connection_id: str) -> RateLimiter | None:
            if not self.limits.are_kept:
                return None
            made = RateLimiter(engine, connection_id, self.limits, database_clock(engine), change)
            made.open()
            return made

        return cache(budget)


class Fleet:
    """The running workers of a site."""

    def __init__(self, site: Site, pool: Any) -> None:
        self._site, self._pool = site, pool

    def create(self, change: int, slices: list[int], tell: Tell = silent) -> None:
        """Bring every slice to its end; raise AssertionError unless each device got a line that was created."""
        outcomes: Counter[str] = Counter()
        ended = self._pool.imap_unordered(partial(_create, self._site, change), slices)
        for number, counts in enumerate(ended, 1):
            outcomes.update(counts)
            tell("creating lines, slice", number, len(slices))
        if set(outcomes) != {"created"}:
            raise AssertionError(f"change {change}: not every line was created: {dict(outcomes)}")


@contextmanager
def fleet(site: Site) -> Iterator[Fleet]:
    """Start the workers of a site: forked from this process, whose imports they have then, as Airflow's are."""
    with multiprocessing.get_context("fork").Pool(site.crew.processes) as pool:
        yield Fleet(site, pool)


def _create(site: Site, change: int, slice_number: int) -> dict[str, int]:
    """Do what one task does: with connections of its own, closed when it ends."""
    engine = make_engine(site.url)
    try:
        return line_creation.create_rev_services(site.context(engine, change), slice_number, last_try=False)
    finally:
        engine.dispose()

"""The hypothesis machine: acts in any order, the promises after each, and in the end everything brought to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Engine

from device_association.settings import Settings
from tests.flow import settings
from tests.protocol import acts, promises
from tests.protocol.acts import Act, Ask, Close, Pass, Story, TakeOver, Work
from tests.protocol.database import reset
from tests.protocol.office import Change, Office
from tests.protocol.vendor import CALL_SECONDS, MAX_LAG, Manners, Vendor
from tests.protocol.worker import Client, Worker

LONG_AGO = 3600.0
"""Seconds since the lines were made that are there from the beginning."""
ROUNDS = 2
"""How often the failed rows are retried in the end: the second time everybody else's have ended."""


def protocol_settings(**more: object) -> Settings:
    """Return settings with which time is the example's own: a call that is turned away for a minute is given back."""
    usual = {
        "rev_concurrency": 1,
        "rev_retry_window_seconds": 30.0,
        "rev_call_timeout_seconds": CALL_SECONDS,
        "rev_lease_seconds": 60.0,
    }
    return settings().model_copy(update=usual | more)


@dataclass
class Figures:
    """What was run."""

    examples: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    came_to: Counter[str] = field(default_factory=Counter)


class Protocol(RuleBasedStateMachine):
    """Whoever asks, works, dies, lies or is late: what was promised holds."""

    portal: Engine
    settings: Settings
    figures: Figures
    make_client: Callable[[Worker, Vendor], Any]
    to_the_end: bool

    def __init__(self) -> None:
        super().__init__()
        reset(self.portal)
        self.figures.examples += 1

    def open_office(self, lag: float, manners: Manners, one_slice: bool, before: list[Act], first: Act) -> None:
        slices = {"max_mapped_tasks": 1} if one_slice else {}
        settings = self.settings.model_copy(update=slices)
        self.office = Office(self.portal, settings, lag=lag, manners=manners)
        self.office.make_client = self.make_client
        for act in [*before, *([Pass(LONG_AGO)] if before else []), first]:
            self.something_happens(act)

    def something_happens(self, act: Act) -> None:
        if isinstance(act, Story):
            for one in act.acts:
                self.something_happens(one)
            return
        self.figures.steps[type(act).__name__] += 1
        self.office.do(act)
        promises.check(self.office)

    def teardown(self) -> None:
        if hasattr(self, "office") and self.to_the_end:
            self._end()
            self.figures.came_to.update(promises.summary(self.office))

    def _end(self) -> None:
        """Let quiet time pass with an honest vendor whose lists shift no more, and bring every change to its end."""
        self.office.clock.pass_seconds(1000)
        for vendor in self.office.vendors.values():
            vendor.manners = replace(vendor.manners, shifts=False)
        for turn in range(ROUNDS):
            for change in list(self.office.changes):
                if turn:
                    self.office.retry(change)
                if self.office.is_open(change):
                    self._bring_to_end(change)
        promises.check(self.office, at_the_end=True)

    def _bring_to_end(self, change: Change) -> None:
        self.office.do(TakeOver(self.office.changes[::-1].index(change)))
        for _ in range(3):
            if self.office.has_work(change):
                self.office.do(Work(0))
                self.office.clock.pass_seconds(200)
        self.office.do(Close(0))
        promises.check(self.office)


def machine(
    portal: Engine,
    settings: Settings,
    make_client: Callable[[Worker, Vendor], Any] = Client,
    *,
    to_the_end: bool = True,
    what_happens: st.SearchStrategy[Act] = acts.ACTS,
    manners: st.SearchStrategy[Manners] = acts.MANNERS,
    is_hunt: bool = False,
) -> type[Protocol]:
    """Return the machine for a database, with figures of its own; not `to_the_end`, an example just stops.

    A hunt's stories meet nobody else at work: another customer of another account has asked for another device.
    """
    about = {"portal": portal, "settings": settings, "figures": Figures(), "make_client": staticmethod(make_client)}
    about["to_the_end"] = to_the_end
    opens = initialize(
        lag=st.sampled_from([0.0, 10.0, MAX_LAG]),
        manners=manners,
        one_slice=st.booleans(),
        before=st.just([]) if is_hunt else st.one_of(st.just([]), st.lists(acts.lines_by_hand(), max_size=2)),
        first=st.just(Ask(2, (1,))) if is_hunt else acts.asks(acts.QUIET),
    )
    happens = rule(act=what_happens)
    about |= {"opens": opens(Protocol.open_office), "happens": happens(Protocol.something_happens)}
    return type("Protocol", (Protocol,), about)

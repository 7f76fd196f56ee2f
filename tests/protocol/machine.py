"""The hypothesis machine: acts in any order, the promises after each, and in the end everything brought to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Engine

from device_association.settings import Settings
from tests.flow import settings
from tests.protocol import acts, promises
from tests.protocol.acts import Act, Close, TakeOver, Work
from tests.protocol.office import Change, Office, reset
from tests.protocol.vendor import CALL_SECONDS, MOST_LAG

ROUNDS = 3
"""How often the failed rows are retried in the end: the second time everybody else's have ended."""


def protocol_settings(**more: object) -> Settings:
    """Return settings with which time is the example's own: a call that is turned away for a minute is given back."""
    usual = {
        "rev_concurrency": 1,
        "rev_retry_seconds": 30.0,
        "rev_call_seconds": CALL_SECONDS,
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

    def __init__(self) -> None:
        super().__init__()
        reset(self.portal)
        self.figures.examples += 1

    @initialize(
        lag=st.sampled_from([0.0, 10.0, MOST_LAG]),
        ignores_filters=st.booleans(),
        one_slice=st.booleans(),
        first=acts.asks(acts.SCRIPTS),
    )
    def open_office(self, lag: float, ignores_filters: bool, one_slice: bool, first: Act) -> None:
        slices = {"max_mapped_tasks": 1} if one_slice else {}
        self.office = self.make_office(self.settings.model_copy(update=slices), lag, ignores_filters)
        self.something_happens(first)

    def make_office(self, settings: Settings, lag: float, ignores_filters: bool) -> Office:
        return Office(self.portal, settings, lag=lag, ignores_filters=ignores_filters)

    @rule(act=acts.ACTS)
    def something_happens(self, act: Act) -> None:
        self.figures.steps[type(act).__name__] += 1
        self.office.do(act)
        promises.check(self.office)

    def teardown(self) -> None:
        if hasattr(self, "office"):
            self._end()
            self.figures.came_to.update(promises.summary(self.office))

    def _end(self) -> None:
        """Let quiet time pass with an honest vendor, and bring every change to its end."""
        self.office.clock.pass_seconds(1000)
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


def machine(portal: Engine, settings: Settings, base: type[Protocol] = Protocol) -> type[Protocol]:
    """Return the machine for a database, with figures of its own."""
    return type(base.__name__, (base,), {"portal": portal, "settings": settings, "figures": Figures()})

"""Rev.io as its contract allows it to be at its worst: it commits late, shows late and says what is not so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from device_association.revio import Line, Product
from tests.flow import NOW

CALL_SECONDS = 40.0
"""A call that was sent is committed within this time or never: `rev_call_seconds`."""
STALL_SECONDS = 40.0
"""How long a worker may stand still between its lease and its call."""
MOST_LAG = 45.0
"""The longest that a committed line or product is not shown."""


class Kind(Enum):
    """How a POST is answered."""

    CREATED = auto()
    LOST = auto()
    """500, time-out, ok:false or a 201 without an id: the client says RevioOutcomeUnknown to all of them."""
    OTHER_SIMS = auto()
    """201 with the id of a line that another SIM has."""
    NOBODYS = auto()
    """201 with an id that no line has."""
    TURNED_AWAY = auto()
    TURNED_AWAY_BRIEFLY = auto()
    """429 that may be repeated at once."""
    REFUSED = auto()
    UNAUTHORIZED = auto()


@dataclass(frozen=True)
class Answer:
    """How a POST is answered, and how many seconds after it was sent it is committed; None: never."""

    kind: Kind = Kind.CREATED
    commits_after: float | None = 0.0


class Clock:
    """The one clock of workers, database and vendor. Each look at it takes a millisecond, so that no two agree."""

    def __init__(self) -> None:
        self.now = NOW
        self.limits: list[datetime] = []

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, but no further than what is going on may take."""
        self.now = max(self.now, min([self.now + timedelta(seconds=seconds), *self.limits]))

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Let no more than this time pass inside."""
        self.limits.append(self.now + timedelta(seconds=seconds))
        try:
            yield
        finally:
            self.limits.pop()


@dataclass
class Call:
    """A POST on its way. Nobody else may call for its SIM until it is answered and committed or can't be any more."""

    iccid: str
    sent: datetime
    commits: datetime | None
    answered: bool = False

    def is_out(self, now: datetime) -> bool:
        bound = self.sent + timedelta(seconds=CALL_SECONDS)
        return now < bound and (not self.answered or (self.commits is not None and now < self.commits))


@dataclass
class Kept:
    """A line or a product as the vendor has it, from when it is committed."""

    number: int
    body: dict[str, Any]
    committed: datetime
    by_hand: bool = False


@dataclass
class Vendor:
    """One account: its lines and products, those still to be committed among them."""

    account_id: int
    clock: Clock
    lag: float = 0.0
    ignores_filters: bool = False
    all_lines: list[Kept] = field(default_factory=list)
    all_products: list[Kept] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def keep(self, kept: list[Kept], body: dict[str, Any], commits: datetime, *, by_hand: bool = False) -> int:
        number = next(self.numbers)
        kept.append(Kept(number, body, commits, by_hand))
        return number

    def lines(self, *, by_hand: bool | None = None) -> list[Kept]:
        """Return the lines that are committed by now."""
        wanted = (True, False) if by_hand is None else (by_hand,)
        return [one for one in self.all_lines if one.committed <= self.clock.now and one.by_hand in wanted]

    def products(self) -> list[Kept]:
        return [one for one in self.all_products if one.committed <= self.clock.now]

    def shown_lines(self, filters: dict[str, Any]) -> list[Line]:
        """Return what a look-up shows: what was committed longer ago than the lag."""
        return [
            Line(one.number, body["customer_id"], body.get("number"), body.get("number2"), one.committed, None)
            for one in self._shown(self.all_lines)
            for body in [one.body]
            if self.ignores_filters or all(body.get(name) == value for name, value in filters.items())
        ]

    def shown_products(self, service_id: int) -> list[Product]:
        return [
            Product(one.number, one.body["product_id"], "ACTIVE")
            for one in self._shown(self.all_products)
            if one.body["service_id"] == service_id
        ]

    def _shown(self, kept: list[Kept]) -> list[Kept]:
        seen_until = self.clock.now - timedelta(seconds=self.lag)
        return [one for one in kept if one.committed <= seen_until]

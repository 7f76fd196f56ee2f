"""Rev.io as its contract allows it to be at its worst: it commits late, shows late and says what is not so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Any

from device_association.revio.lines import SENT
from device_association.revio.responses import parse_moment
from local.sample_data import world
from tests.flow import NOW, Clock

CALL_SECONDS = 40.0
"""A call that was sent is committed within this time or never: `rev_call_timeout_seconds`."""
STALL_SECONDS = 40.0
"""How long a worker may stand still between its lease and its call."""
MAX_LAG = 45.0
"""The longest that a committed line or product is not shown."""
PROOF_LASTS = timedelta(hours=1)
"""How long a look-up by number that worked is trusted; a filter that stops working within that time is not found out."""


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


class Filters(StrEnum):
    """What becomes of a filter of a list."""

    WORKS = auto()
    IGNORED = auto()
    NOTHING = auto()
    """The list is empty."""


class Order(StrEnum):
    """In which order lines are listed; a line that is changed moves in the last."""

    OLDEST_FIRST = auto()
    NEWEST_FIRST = auto()
    CHANGED_LAST = auto()


@dataclass(frozen=True)
class Manners:
    """How an account lists its lines.

    `shifts`: while a list is read first, a line leaves a page that was read. `repeats`: page 2 is
    then page 1 once more.
    """

    page_size: int = 50
    order: Order = Order.OLDEST_FIRST
    shifts: bool = False
    repeats: bool = False
    customer_id: Filters = Filters.WORKS
    number: Filters = Filters.WORKS
    number2: Filters = Filters.WORKS
    created_date_start: Filters = Filters.WORKS


class TickingClock(Clock):
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
        with self.until(self.now + timedelta(seconds=seconds)):
            yield

    @contextmanager
    def until(self, limit: datetime) -> Iterator[None]:
        """Let time pass inside no further than this."""
        self.limits.append(limit)
        try:
            yield
        finally:
            self.limits.pop()


@dataclass
class Call:
    """A POST on its way. Nobody else may call for its subject until it is answered and committed or can't be any more."""

    subject: str
    sent: datetime
    commits: datetime | None
    answered: bool = False

    def is_out(self, now: datetime) -> bool:
        bound = self.sent + timedelta(seconds=CALL_SECONDS)
        return now < bound and (not self.answered or (self.commits is not None and now < self.commits))


@dataclass
class Kept:
    """A line or a product as the vendor has it, from when it is committed.

    `sim` is the ICCID of the SIM whose line it is, however the line is spelled; `odd` is what is shown instead of what it
    is. `edited` says when a person changed whose it is or whether it is billed; until then it is as it was made.
    """

    number: int
    body: dict[str, Any]
    committed: datetime
    by_hand: bool = False
    sim: str | None = None
    odd: dict[str, Any] = field(default_factory=dict)
    ended: datetime | None = None
    edited: datetime | None = None
    customers: list[tuple[datetime, int]] = field(default_factory=list)
    """Who had the line, each since when."""
    is_filler: bool = False

    def __post_init__(self) -> None:
        self.made = self.body
        if "customer_id" in self.body:
            self.customers.append((self.committed, self.body["customer_id"]))

    def edit(self, now: datetime, **values: Any) -> None:
        """Let a person change fields of the line; what was shown oddly of them is corrected."""
        self.body = self.body | values
        self.odd = {name: value for name, value in self.odd.items() if name not in values}
        self.edited = now
        if "customer_id" in values:
            self.customers.append((now, values["customer_id"]))

    def customers_since(self, first: datetime, last: datetime) -> set[int]:
        """Return who had the line at some time between these moments."""
        ends = [*(since for since, _ in self.customers[1:]), datetime.max.replace(tzinfo=UTC)]
        return {
            number for (since, number), end in zip(self.customers, ends, strict=True) if end >= first and since <= last
        }

    def as_record(self) -> dict[str, Any]:
        """Return the line as it is shown."""
        activated = self.body.get("activated_date")
        return {
            "service_id": self.number,
            **{name: self.body.get(name) for name in SENT},
            "activated_date": activated and f"{activated:%Y-%m-%d}T00:00:00",
            "created_date": f"{self.committed:%Y-%m-%dT%H:%M:%S.%f}",
            "disconnected_date": self.ended and f"{self.ended:%Y-%m-%dT%H:%M:%S.%f}",
        } | self.odd


def fillers(customers: tuple[int, ...]) -> list[Kept]:
    """Return lines of SIMs that nobody asks for."""
    return [
        Kept(
            101 + place,
            {"customer_id": customer, "number": f"555000{place:04}", "number2": world.iccid(800_000 + place)},
            NOW - timedelta(days=90 - place),
            by_hand=True,
            is_filler=True,
        )
        for place, customer in enumerate(customers)
    ]


@dataclass
class Vendor:
    """One account: its lines and products, those still to be committed among them."""

    account_id: int
    clock: TickingClock
    lag: float = 0.0
    manners: Manners = field(default_factory=Manners)
    all_lines: list[Kept] = field(default_factory=list)
    all_products: list[Kept] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    later: list[tuple[datetime, str, Filters]] = field(default_factory=list)
    """Filters that are to change, each with when."""

    def keep(self, kept: list[Kept], body: dict[str, Any], commits: datetime, **more: Any) -> int:
        number = next(self.numbers)
        kept.append(Kept(number, body, commits, **more))
        return number

    def lines(self) -> list[Kept]:
        """Return the lines that are committed by now, without those of SIMs that nobody asks for."""
        return [one for one in self.all_lines if one.committed <= self.clock.now and not one.is_filler]

    def products(self) -> list[Kept]:
        return [one for one in self.all_products if one.committed <= self.clock.now]

    def change_filter(self, name: str, how: Filters) -> None:
        """Let a filter behave otherwise: one on numbers when no proof that it worked counts any more."""
        proof = PROOF_LASTS if name in ("number", "number2") else timedelta()
        self.later.append((self.clock.now + proof, name, how))

    def list_lines(self, asked: Mapping[str, Any], page: int, *, may_shift: bool) -> tuple[list[dict[str, Any]], bool]:
        """Return the records of a page, and whether there are more; a line was committed longer ago than the lag."""
        self._change_manners()
        size = self.manners.page_size
        if may_shift and self.manners.shifts:
            self._shift(self._matching(asked), size * (page - 1))
        found = self._matching(asked)
        repeats = self.manners.repeats and may_shift
        place = max(0, page - 1 - repeats)
        has_more = len(found) > size * (place + 1) or (repeats and page == 1)
        return [line.as_record() for line in found[size * place : size * (place + 1)]], has_more

    def find_line(self, number: int) -> dict[str, Any] | None:
        return next((one.as_record() for one in self._shown(self.all_lines) if one.number == number), None)

    def list_products(self, service_id: object) -> list[dict[str, Any]]:
        """Return the records of a line's products; of all products where no line is named."""
        return [
            {
                "service_product_id": one.number,
                "product_id": one.body["product_id"],
                "service_id": one.body["service_id"],
                "status": "ACTIVE",
            }
            for one in self._shown(self.all_products)
            if service_id in (None, one.body["service_id"])
        ]

    def _matching(self, asked: Mapping[str, Any]) -> list[Kept]:
        ways = {name: getattr(self.manners, name) for name in asked}
        if Filters.NOTHING in ways.values():
            return []
        working = [name for name, way in ways.items() if way is Filters.WORKS]
        lines = [
            line for line in self._shown(self.all_lines) if all(_matches(line, name, asked[name]) for name in working)
        ]
        if self.manners.order is Order.CHANGED_LAST:
            return sorted(lines, key=lambda line: (line.edited or line.committed, line.number))
        return sorted(lines, key=lambda line: line.number, reverse=self.manners.order is Order.NEWEST_FIRST)

    def _shift(self, found: list[Kept], place: int) -> None:
        """Let a line leave the pages before this place, where that hides the line of a SIM that somebody asks for."""
        hides = 0 < place < len(found) and not found[place].is_filler
        leaving = next((line for line in found[:place] if line.is_filler), None)
        if hides and leaving is not None:
            self.all_lines.remove(leaving)

    def _change_manners(self) -> None:
        due = [one for one in self.later if one[0] <= self.clock.now]
        self.later = [one for one in self.later if one[0] > self.clock.now]
        for _, name, how in due:
            changed: dict[str, Any] = {name: how}
            self.manners = replace(self.manners, **changed)

    def _shown(self, kept: list[Kept]) -> list[Kept]:
        seen_until = self.clock.now - timedelta(seconds=self.lag)
        return [one for one in kept if one.committed <= seen_until]


def _matches(line: Kept, name: str, value: Any) -> bool:
    if name == "created_date_start":
        start = parse_moment(value)
        return start is not None and line.committed >= start
    if name == "customer_id":
        return bool(line.body["customer_id"] == value)
    return bool(line.as_record()[name] == value)

"""The vendor's books by time: what each line was before and after every entry of the journal, and who made it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaos.checks.sims import keys_of
from chaos.records.world import Row, World

BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
GONE = frozenset({"service_deleted", "record_deleted"})
LineKey = tuple[str, int]
"""Account and the vendor's number of a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the vendor keeps it at the end."""

    account: str
    number: int
    customer: str
    sim: str | None
    is_ours: bool
    ended: bool

    @property
    def key(self) -> LineKey:
        """Account and the vendor's number."""
        return self.account, self.number


@dataclass(frozen=True, slots=True)
class State:
    """A line from one entry of the journal on; `record` is None once it is deleted."""

    place: int
    at: datetime
    by: str
    kind: str
    record: Row | None

    @property
    def is_active(self) -> bool:
        """Whether it is billed without an end; one that is to end later counts as ended."""
        return self.record is not None and not self.record.get("disconnected_date")

    @property
    def customer(self) -> str:
        """The customer's number, or `None` in words."""
        return str((self.record or {}).get("customer_id"))

    def is_for(self, keys: set[str]) -> bool:
        """Whether it is active and one of a device's keys is its own."""
        return self.is_active and not keys.isdisjoint(keys_of(self.record or {}))


@dataclass(slots=True)
class Story:
    """A line, or a raw record that nobody can judge, from its beginning on."""

    account: str
    number: int
    is_raw: bool
    states: list[State] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether a call of the API made it."""
        return self.states[0].by == "api"

    @property
    def is_touched(self) -> bool:
        """Whether a person had to do with it."""
        return any(one.by == "person" for one in self.states)

    @property
    def end(self) -> State:
        """What it is in the end."""
        return self.states[-1]

    def before(self, place: int) -> State | None:
        """Return what it was right before an entry of the journal; None where it was not there yet."""
        return next((one for one in reversed(self.states) if one.place < place), None)

    def since(self, place: int, keys: set[str]) -> State | None:
        """Return the state since which it was a device's active line, right before an entry; None where it was not."""
        found = None
        for one in reversed([state for state in self.states if state.place < place]):
            if not one.is_for(keys):
                break
            found = one
        return found

    def between(self, start: datetime, end: datetime) -> Iterator[State]:
        """Yield what it was at some moment between two."""
        for state, following in zip(self.states, [*self.states[1:], None], strict=True):
            if state.at <= end and (following is None or following.at >= start):
                yield state


def read_stories(world: World) -> dict[LineKey, Story]:
    """Return every line's story by account and number; raw records by the key under which they were planted."""
    found: dict[LineKey, Story] = {}
    for line in world.seeded:
        story = found.setdefault(
            (line["account"], line["service_id"]), Story(line["account"], line["service_id"], is_raw=False)
        )
        story.states.append(State(-1, BEFORE_ALL, "seed", "seeded", line))
    for place, entry in enumerate(world.journal):
        number, record = _about(entry)
        if record is None or number is None:
            continue
        is_raw = "record" in entry
        key = (entry["account"], -1 - number) if is_raw else (entry["account"], number)
        story = found.setdefault(key, Story(entry["account"], number, is_raw=is_raw))
        is_there = entry["kind"] not in GONE
        story.states.append(State(place, moment(entry["at"]), by(entry), entry["kind"], record if is_there else None))
    return found


def by_sim(stories: Iterable[Story]) -> dict[str, list[Story]]:
    """Return the stories by each key that they ever had."""
    found: defaultdict[str, list[Story]] = defaultdict(list)
    for story in stories:
        for key in {key for state in story.states for key in keys_of(state.record or {})}:
            found[key].append(story)
    return found


def by(entry: Row) -> str:
    """Return who made an entry: a call of the API, the control API, or a person."""
    return str(entry.get("by") or ("control" if entry.get("planted") else "api"))


def moment(text: str) -> datetime:
    """Return the moment that a text says, UTC where it names no zone."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _about(entry: Row) -> tuple[int | None, Row | None]:
    raw: dict[str, Any] | None = entry.get("record")
    if raw is not None:
        return raw["key"], raw["fields"]
    service: Row | None = entry.get("service")
    return (service["service_id"], service) if service is not None else (None, None)

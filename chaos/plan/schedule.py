"""What happens in a run, and when: a pure function of its seed and length."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.plan.particulars import PARTICULARS

Deck = Sequence[tuple[str, int]]
Step = dict[str, Any]

WAYS: Deck = [
    ("post line", 5), ("post products", 2), ("post plain", 3), ("post plan", 1), ("post later plan", 1),
    ("post carrier", 1), ("post refused", 2), ("form line", 1), ("form plain", 1), ("portal line", 2), ("portal plain", 2),
    ("portal mixed", 2),
]  # fmt: skip
"""How a change is asked for, and for what: by POST, in Airflow's form, or written by the portal itself with a message.

Only the portal asks for devices of several customers and accounts at once: mixed."""
AFTERWARDS: Deck = [("retry", 5), ("cancel", 3), ("revert", 3), ("ask again", 3)]
"""What is asked of changes that are there."""
FAULTS: Deck = [
    ("kill scheduler", 2), ("kill tasks", 3), ("kill triggerer", 2), ("kill api-server", 1), ("kill dag-processor", 1),
    ("kill postgres", 1), ("restart postgres", 1), ("kill revio-simulator", 1), ("receiver fails", 1),
    ("queue hangs", 2), ("queue forgets", 1), ("messages twice", 4), ("messages held back", 3), ("messages unreadable", 2),
    ("messages stale", 1), ("vendor lies", 7), ("vendor is out", 2), ("vendor turns away", 1), ("vendor lags", 1),
    ("vendor's clock is off", 1), ("slow disk", 2), ("frozen scheduler", 1), ("frozen tasks", 1),
    ("person makes", 7), ("person changes", 7), ("lists shift", 3), ("pages repeat", 2), ("filters lie", 2),
    ("account refused", 1), ("change deleted", 2), ("dead letters poisoned", 1), ("old worker", 2),
]  # fmt: skip
"""What breaks. One deck is played out before the next is shuffled: every kind comes, in any order."""

CHANGES_A_MINUTE, AFTERWARDS_A_MINUTE, FAULTS_A_MINUTE = 14.4, 3.6, 11.4
ACCOUNT_CUSTOMERS = ("4711", "4712", "4716 of 2")
ALL_CUSTOMERS = (*ACCOUNT_CUSTOMERS, "4715")
DEVICES, SHARED, REFUSED = range(1, 1861), range(1901, 1921), (2001, 2011, 2021, 2031, 900_001, 900_002)
"""Numbers of the sample world's devices: one change's own, those that many ask for, and those that nobody gets."""
ADOPTABLE = (2061, 2062, 2063)
ODD = range(1861, 1901)
"""Devices of whose SIMs the vendor has odd records and others' lines from the start: see `cast`."""
ZONES = ("Pacific/Auckland", "Pacific/Honolulu", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "UTC")
FILTERS: Sequence[dict[str, Any]] = (
    {}, {}, {"ignored_filters": ["number2"]}, {"ignored_filters": ["*"]}, {"empty_filters": ["number2"]},
    {"empty_filters": ["number"]}, {"empty_filters": ["created_date_start"]}, {"ignored_filters": ["created_date_start"]},
)  # fmt: skip
"""What the vendor makes of filters from a run's first call to its last fault."""
SOON, LATE = 20.0, 60.0
"""A person makes a line for a SIM that was asked for so many seconds ago, or is within so many."""
MAX_DEVICES = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of a run in their order. A step says when (seconds from the start), what, and with which particulars."""

    name: str
    seed: int
    seconds: float
    operations: tuple[Step, ...]
    faults: tuple[Step, ...]
    manners: dict[str, Any] = field(default_factory=dict)
    """Settings of the simulated vendor, from its start on."""

    @property
    def digest(self) -> str:
        """Tell two schedules apart in a few characters."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def make_schedule(seed: int, minutes: float) -> Schedule:
    """Return the run of this seed: changes, what is asked of them later, and faults, evenly spread with some jitter."""
    chance, seconds = random.Random(seed), float(minutes * 60)
    devices = _Devices(random.Random(f"{seed} devices"))
    asked = [_ask(chance, devices, way, at) for at, way in _timed(chance, WAYS, seconds, CHANGES_A_MINUTE, begin=0.0)]
    later = [
        {"at": at, "kind": kind, "pick": round(chance.random(), 4)}
        for at, kind in _timed(chance, AFTERWARDS, seconds, AFTERWARDS_A_MINUTE, begin=20.0)
    ]
    drawn = _timed(chance, FAULTS, seconds, FAULTS_A_MINUTE, begin=4.0)
    faults = [_fault(chance, _durable(kind, at, seconds), at) for at, kind in drawn]
    _let_people_meet_changes(random.Random(f"{seed} people"), faults, asked)
    manners = _manners(random.Random(f"{seed} manners"))
    return Schedule("chaos", seed, seconds, _numbered([*asked, *later]), _numbered(faults), manners)


def full_kills(seed: int, *, changes: int = 50, kills: int = 10, apart: float = 60.0) -> Schedule:
    """Return a run in which everything is killed at once, again and again, while changes are asked for."""
    chance, seconds = random.Random(seed), kills * apart
    devices = _Devices(random.Random(f"{seed} devices"))
    times = sorted(round(chance.uniform(0, seconds - apart / 2), 2) for _ in range(changes))
    ways = _cards(chance, WAYS)
    asked = [_ask(chance, devices, next(ways), at) for at in times]
    faults = [
        {"at": round(apart * number + chance.uniform(apart / 3, apart / 2), 2), "kind": "kill everything"}
        for number in range(kills)
    ]
    return Schedule("full kills", seed, seconds, _numbered(asked), _numbered(faults))


def _timed(
    chance: random.Random, deck: Deck, seconds: float, a_minute: float, *, begin: float
) -> Iterator[tuple[float, str]]:
    cards, apart = _cards(chance, deck), 60 / a_minute
    at = begin + chance.uniform(0, apart)
    while at < seconds:
        yield round(at, 2), next(cards)
        at += apart * chance.uniform(0.5, 1.5)


def _cards(chance: random.Random, deck: Deck) -> Iterator[str]:
    while True:
        cards = [name for name, count in deck for _ in range(count)]
        chance.shuffle(cards)
        yield from cards


class _Devices:
    """Deals devices out: most once, some to everybody who asks."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._fresh = self._deal()

    def take(self, count: int) -> list[int]:
        shared = self._chance.sample(SHARED, 2)
        return [shared.pop() if shared and self._chance.random() < 0.2 else next(self._fresh) for _ in range(count)]

    def _deal(self) -> Iterator[int]:
        while True:
            yield from self._chance.sample(DEVICES, len(DEVICES))


def _manners(chance: random.Random) -> dict[str, Any]:
    """Draw how the vendor is in this run: the local time of each account, its filters, its lists, how it says 'no date'."""
    return {
        "account_time_zones": {name: chance.choice(ZONES) for name in ("northwind", "secondary")},
        "empty_date": chance.choice(("null", "blank", "year_one")),
        "lists_hide_disconnected": chance.random() < 0.5,
        **chance.choice(FILTERS),
    }


def _let_people_meet_changes(chance: random.Random, faults: Sequence[Step], asked: Sequence[Step]) -> None:
    """Say on whose lines people work: on those of SIMs that were asked for lately, or will be soon."""
    with_line = [one for one in asked if one["terms"] in {"line", "products", "mixed"}]
    for step in faults:
        if not step["kind"].startswith("person "):
            continue
        latest = step["at"] + (LATE if step["kind"] == "person makes" else -SOON / 4)
        near = [one for one in with_line if step["at"] - 3 * SOON <= one["at"] <= latest]
        ask = chance.choice(near or with_line or list(asked))
        place = chance.randrange(len(ask["devices"]))
        step["device"] = ask["devices"][place]
        step["customer"] = ask["customers"][place] if "customers" in ask else ask["customer"]


def _ask(chance: random.Random, devices: _Devices, way_and_terms: str, at: float) -> Step:
    way, _, terms = way_and_terms.partition(" ")
    with_line = terms in {"line", "products", "mixed"}
    customer = chance.choice(ACCOUNT_CUSTOMERS if with_line else ALL_CUSTOMERS)
    chosen = devices.take(chance.randint(1, MAX_DEVICES))
    if terms == "mixed":
        customers = [customer, *chance.choices(ACCOUNT_CUSTOMERS, k=len(chosen) - 1)]
        return {"at": at, "kind": "ask", "way": way, "terms": terms, "customer": customer, "devices": chosen} | {
            "customers": customers
        }
    if terms == "refused":
        chosen = chance.sample(REFUSED, 2)
    elif chance.random() < 0.1:
        chosen.append(chance.choice(REFUSED))
    elif with_line and customer in {"4711", "4712"} and chance.random() < 0.4:
        chosen.append(chance.choice((*ADOPTABLE, *ODD)))
    return {"at": at, "kind": "ask", "way": way, "terms": terms, "customer": customer, "devices": chosen}


def _fault(chance: random.Random, kind: str, at: float) -> Step:
    draw = PARTICULARS.get(kind)
    return {"at": at, "kind": kind, **(draw(chance) if draw else {})}


def _durable(kind: str, at: float, seconds: float) -> str:
    """Return the fault that comes instead of a queue that forgets in the second half: what is sent then must be found."""
    return "queue hangs" if kind == "queue forgets" and at > seconds / 2 else kind


def _numbered(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple({"n": number, **step} for number, step in enumerate(sorted(steps, key=lambda step: step["at"]), 1))

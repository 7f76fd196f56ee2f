"""What the vendor's own meter saw: accepted calls by second, verb and status, and how many were turned away."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

OPEN = "open"


@dataclass(slots=True)
class _Second:
    accepted: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    turned_away: Counter[str] = field(default_factory=Counter)


class Timeline:
    """The calls of one account since the last reset, by the moment they came. A 401 belongs to no account."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.first: float | None = None
        self.last: float | None = None
        self._seconds: defaultdict[int, _Second] = defaultdict(_Second)

    def accept(self, at: float, verb: str) -> None:
        """Count a call that was let in; until it is answered its status is `open`."""
        self.first = at if self.first is None else self.first
        self.last = at
        self._seconds[int(at)].accepted[verb][OPEN] += 1

    def answer(self, at: float, verb: str, status: str) -> None:
        """Say how the call of that moment was answered."""
        statuses = self._seconds[int(at)].accepted[verb]
        statuses[OPEN] -= 1
        statuses[status] += 1

    def turn_away(self, at: float, status: str) -> None:
        """Count a call that met a limit."""
        self._seconds[int(at)].turned_away[status] += 1

    def told(self) -> dict[str, Any]:
        """Return everything, second by second; seconds without a call are left out."""
        seconds = [_told(moment, one) for moment, one in sorted(self._seconds.items())]
        return {
            "since": self.since,
            "first_accepted": self.first,
            "last_accepted": self.last,
            "accepted": sum(sum(each.values()) for one in seconds for each in one["accepted"].values()),
            "turned_away": sum(one["turned_away"] for one in seconds),
            "seconds": seconds,
        }


def _told(moment: int, one: _Second) -> dict[str, Any]:
    return {
        "second": moment,
        "accepted": {verb: {name: n for name, n in statuses.items() if n} for verb, statuses in one.accepted.items()},
        "turned_away": one.turned_away["429"],
        "over_quota": one.turned_away["403"],
    }

"""The vendor's limits: so many calls in any sliding minute, and so many a day, for everybody who uses the account."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local.simulators.revio.settings import Settings

MINUTE = 60.0
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Which limit a call met, and after how many whole seconds it may be repeated."""

    limit: Literal["minute", "day"]
    retry_after: int


class Budget:
    """The calls of one account. A call that is turned away costs nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minute: deque[float] = deque()
        self._day = 0
        self._today = 0

    def admit(self, settings: Settings) -> TurnedAway | None:
        """Count one call and return nothing, or say why it is not let in."""
        now = self._clock()
        self._roll(now)
        if self._today >= settings.calls_per_day:
            return TurnedAway("day", math.ceil(DAY - now % DAY))
        if len(self._minute) >= settings.calls_per_minute:
            return TurnedAway("minute", self._wait(now, settings.calls_per_minute))
        self._minute.append(now)
        self._today += 1
        return None

    def give_back(self) -> None:
        """Forget the last call that was let in: something else has turned it away."""
        if self._minute:
            self._minute.pop()
            self._today -= 1

    def _roll(self, now: float) -> None:
        while self._minute and self._minute[0] <= now - MINUTE:
            self._minute.popleft()
        if int(now // DAY) != self._day:
            self._day, self._today = int(now // DAY), 0

    def _wait(self, now: float, allowed: int) -> int:
        if allowed == 0:
            return int(MINUTE)
        # The limit may have been lowered meanwhile: then more than one call must leave the window.
        leaves = self._minute[len(self._minute) - allowed]
        return max(1, math.ceil(leaves + MINUTE - now))

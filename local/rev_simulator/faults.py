"""The fault plan: which call goes wrong, and how. Seeded, and changed while the simulator runs."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import count
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Effect = Literal[
    "reject_array",
    "reject_object",
    "reject_html",
    "reject_empty",
    "throttle_header",
    "throttle_body",
    "quota",
    "unauthorized",
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "slow",
    "ok_false_after",
    "no_id_after",
]
"""`before` and `after` the commit: after it the line exists, whatever the caller is told."""


class Fault(BaseModel):
    """One rule: calls that match all it names go wrong, `times` times (null: always), or a `share` of them."""

    model_config = ConfigDict(extra="forbid")

    effect: Effect
    method: str = "POST"
    path: str = "/v1/Services"
    numbers: list[str] | None = None
    """Only calls whose `number` or `number2` is one of these."""
    times: int | None = Field(None, ge=1)
    share: float = Field(1.0, gt=0, le=1)
    seconds: float = Field(1.0, ge=0)
    """How long a time-out holds the connection, a slow answer takes, or a 429 asks to wait."""


class FaultPlan:
    """The rules in force; the first that matches decides."""

    def __init__(self, seed: int = 1) -> None:
        self._rules: dict[int, Fault] = {}
        self._left: dict[int, int] = {}
        self._ids = count(1)
        self._random = random.Random(seed)

    def add(self, fault: Fault) -> int:
        """Put a rule in force and return its id."""
        rule_id = next(self._ids)
        self._rules[rule_id] = fault
        if fault.times is not None:
            self._left[rule_id] = fault.times
        return rule_id

    def clear(self) -> None:
        """Take all rules out of force."""
        self._rules.clear()
        self._left.clear()

    def listed(self) -> dict[int, Fault]:
        """Return the rules in force."""
        return dict(self._rules)

    def draw(self, method: str, path: str, numbers: Iterable[str]) -> Fault | None:
        """Return the fault that this call meets, and count it."""
        asked = set(numbers)
        for rule_id, fault in list(self._rules.items()):
            if not self._matches(fault, method, path, asked):
                continue
            if rule_id in self._left:
                self._left[rule_id] -= 1
                if self._left[rule_id] == 0:
                    del self._rules[rule_id], self._left[rule_id]
            return fault
        return None

    def _matches(self, fault: Fault, method: str, path: str, numbers: set[str]) -> bool:
        return (
            (fault.method, fault.path) == (method, path)
            and (fault.numbers is None or bool(numbers & set(fault.numbers)))
            and (fault.share >= 1 or self._random.random() < fault.share)
        )

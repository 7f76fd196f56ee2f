"""What a check reports: promises that were broken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, how, and of which change and SIM."""

    kind: str
    said: str
    change: int | None = None
    iccid: str | None = None

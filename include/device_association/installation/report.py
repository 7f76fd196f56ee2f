"""What a comparison of a portal's database with our needs finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a difference means for the adoption."""

    MUST = "must"
    """Stands in the way: somebody has to do something first."""
    ADDS = "adds"
    """`--apply` adds it."""
    ADVICE = "advice"
    """Works, but somebody should know it."""
    UNCHECKED = "unchecked"
    """Could not be checked on this database or with this login."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: what it is about, what is different, and what to do."""

    severity: Severity
    subject: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person told the command to do beyond our own schema."""

    add_error_code: bool = False
    replace_procedures: bool = False

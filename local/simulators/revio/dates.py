"""Dates as an account writes them: without a zone, in its own local time, and 'no date' in one of three ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

EmptyDate = Literal["null", "blank", "year_one"]
EMPTY_DATES: dict[EmptyDate, str | None] = {"null": None, "blank": "", "year_one": "0001-01-01T00:00:00"}
LOCAL = frozenset({"created_date", "disconnected_date"})
"""The dates that the vendor itself sets; the others are shown as they were sent."""


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How one account writes its dates. Inside the simulator they are UTC without a zone."""

    empty: EmptyDate = "null"
    time_zone: str = "UTC"

    def local(self, moment: datetime) -> datetime:
        """Return a moment (UTC where it names no zone) in the account's local time, without the zone."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            return aware.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)
        except OverflowError:  # at the ends of the calendar: year 1, year 9999
            return moment.replace(tzinfo=None)

    def utc(self, moment: datetime) -> datetime:
        """Return a moment (the account's local time where it names no zone) in UTC, without the zone."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.time_zone))
        try:
            return aware.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            return moment.replace(tzinfo=None)

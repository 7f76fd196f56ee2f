"""Until when a bulk change has to be done. Source: the domain contract, section 4, 'Deadline'."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import row


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a change should be done (None before its calls are planned), and the seconds its account was paused since."""

    deadline: datetime | None
    paused_seconds: int


def is_past_deadline(connection: Connection, claim: Claim, now: datetime) -> bool:
    """Whether the change should have been done by now. The deadline stands still while its account is paused.

    It counts from the plan of the calls.
    """
    found = row(connection, Deadline, "bulk_changes/find_deadline", bulk_change_id=claim.bulk_change_id)
    return found is not None and found.deadline is not None and now > deadline_of(found.deadline, found.paused_seconds)


def deadline_of(deadline: datetime, paused_seconds: int) -> datetime:
    """Return a deadline, moved by what the change's account was paused."""
    return deadline + timedelta(seconds=paused_seconds)

"""The open bulk changes that are past their deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.bulk_changes.deadlines import deadline_of
from device_association.database.execution import rows


@dataclass(frozen=True, slots=True)
class OverdueChange:
    """An open change whose planned deadline has passed, with the run that holds it.

    `paused_seconds` is for how long its account was paused since the deadline was planned.
    """

    bulk_change_id: int
    tenant_id: int
    claim_run_id: str | None
    deadline: datetime
    paused_seconds: int

    @property
    def moved_deadline(self) -> datetime:
        """The deadline, moved by what the change's account was paused; it may not have passed yet."""
        return deadline_of(self.deadline, self.paused_seconds)


def list_overdue(connection: Connection, now: datetime) -> list[OverdueChange]:
    """Return the open changes whose planned deadline has passed."""
    return rows(connection, OverdueChange, "bulk_changes/list_overdue", now=now)

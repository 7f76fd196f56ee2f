"""Which change takes back which: every step asks before it decides what its change is about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from device_association.database.execution import row


@dataclass(frozen=True, slots=True)
class Revert:
    """What a change has to do with a revert: the change that it takes back, the one that took it back, or neither."""

    reverts: int | None = None
    reverted_by: int | None = None


def find_revert(connection: Connection, bulk_change_id: int) -> Revert:
    """Return what a change has to do with a revert."""
    return row(connection, Revert, "bulk_changes/find_revert", bulk_change_id=bulk_change_id) or Revert()


def reverted_text(reverted_by: int) -> str:
    """Say what to do with a change that was taken back."""
    return (
        f"bulk change {reverted_by} takes this change back, which is done once; what that did not reach is retried there, "
        "and devices that are wanted after all need a request of their own"
    )

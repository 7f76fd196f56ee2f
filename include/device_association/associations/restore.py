"""Gives the devices of a revert back what they had, batch by batch. Source: `device_association.requests.revert`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim, assert_claim
from device_association.bulk_changes.ended_rows import log_and_release
from device_association.database.execution import changed, run

STEP = "give_devices_back"
RESTORED = ("given_back", "changed_fields", "closed_plans")
"""What is counted of a revert."""


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A row whose device may be given back now, or associated."""

    row_id: int


def restore_devices(connection: Connection, claim: Claim, batch: Sequence[ReadyRow], now: datetime) -> dict[str, int]:
    """Give one batch back. The claim is checked last: until then its row stays free for the batch beside this one.

    A device is compared once more: while the end of its line was out or not known, another program may have changed it.
    """
    span = {"first_row_id": batch[0].row_id, "last_row_id": batch[-1].row_id}
    rows_of = {"bulk_change_id": claim.bulk_change_id, **span}
    about: dict[str, object] = {**rows_of, "actor": claim.actor, "now": now}
    run(connection, "associations/end_stopped_rows", retry_number=claim.retry_number, **about)
    run(connection, "requests/reject_changed", **about)
    fields = changed(connection, "associations/restore_devices", **about)
    fields += changed(connection, "associations/restore_carrier_plans", **about)
    plans = _close_plans(connection, rows_of, claim.actor, now)
    done = changed(connection, "associations/finish_restored_devices", **about)
    log_and_release(connection, claim.bulk_change_id, [span], step=STEP, actor=claim.actor, now=now)
    assert_claim(connection, claim, now)
    return {"given_back": done, "changed_fields": fields, "closed_plans": plans}


def _close_plans(connection: Connection, rows_of: dict[str, int], actor: str, now: datetime) -> int:
    """Close the plans of the first change that still wait for their date, as REVERTED; return how many."""
    batch_id = uuid4()
    closed = changed(connection, "associations/close_plans", batch_id=batch_id, now=now, **rows_of)
    if closed:
        run(connection, "associations/end_plans", batch_id=batch_id, actor=actor, now=now)
        run(connection, "associations/log_restored_plans", batch_id=batch_id, actor=actor, now=now)
    return closed

"""The steps that a bulk change has had in a retry, with counts and times, and its log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import changed, rows, run
from device_association.domain.encoding import as_json


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """A step that a change has had in a retry; `counts` is JSON."""

    step: str
    started: datetime
    ended: datetime
    counts: str


def list_steps(connection: Connection, bulk_change_id: int, retry_number: int) -> list[ChangeStep]:
    """Return the steps that a change has had in a retry, the first first."""
    about = {"bulk_change_id": bulk_change_id, "retry_number": retry_number}
    return rows(connection, ChangeStep, "bulk_changes/list_steps", **about)


def record_step(
    connection: Connection, claim: Claim, step: str, counts: Mapping[str, object], *, started: datetime, began: float
) -> None:
    """Keep that the change has had this step in this retry, with its counts and how long it took.

    `began` is `time.perf_counter()` at the start, so that the duration is real whoever owns the clock.
    """
    took = timedelta(milliseconds=round((time.perf_counter() - began) * 1000))
    about = {"step": step, "ended": started + took, "counts": as_json(counts), **claim.key}
    if not changed(connection, "bulk_changes/update_step", **about):
        run(connection, "bulk_changes/insert_step", started=started, **about)


def log_change_step(
    connection: Connection,
    bulk_change_id: int,
    step: str,
    *,
    request: str | None = None,
    response: str | None = None,
    error: str | None = None,
    actor: str,
    now: datetime,
) -> None:
    """Write an entry about the change as a whole to its log."""
    run(
        connection,
        "bulk_changes/log_change_step",
        bulk_change_id=bulk_change_id,
        step=step,
        request=request,
        response=response,
        error=error,
        actor=actor,
        now=now,
    )

"""How a bulk change ends: every row final, its own status, metrics, the notification in the outbox, the claim freed.

Source: the domain contract, sections 4, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, assert_claim
from device_association.bulk_changes.deadlines import is_past_deadline
from device_association.bulk_changes.ended_rows import log_and_release
from device_association.bulk_changes.locks import find_bulk_change
from device_association.bulk_changes.steps import list_steps, log_change_step
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import changed, in_transaction, row, rows, run
from device_association.domain.codes import ChangeStatus
from device_association.domain.encoding import as_json
from device_association.domain.errors import ChangeNotRunnable
from device_association.messaging.outbox import enqueue_message, enqueue_notification

STEP = "close_bulk_change"
NOTIFIED_JOB: dict[str, object] = {"path": "/lambda_sync_jobs_", "key_name": "m2m_inventory_live_sync"}
"""The job that the 2.0 system runs for the tenant when a change has ended; the contract's own words."""


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many devices of a change are in a state with a code; a row without a code counts under its state."""

    status: str
    code: str
    devices: int


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """How a retry of a change ended; `rev_calls` are the calls to Rev.io of all its retries."""

    bulk_change_id: int
    retry_number: int
    status: str
    devices: int
    rev_calls: int


@dataclass(frozen=True, slots=True)
class Closed:
    """How a retry of a change ended: its status, the devices by code, seconds by step, and the calls to Rev.io."""

    bulk_change_id: int
    retry_number: int
    status: str
    devices: int
    codes: dict[str, int]
    seconds_by_step: dict[str, float]
    rev_calls: int

    @property
    def succeeded(self) -> bool:
        """Whether the change reached anything: an ERROR makes its run red."""
        return self.status != ChangeStatus.ERROR

    def as_result(self) -> dict[str, object]:
        """The metrics as the task's result and the log keep them."""
        return asdict(self)


def close_bulk_change(engine: Engine, claim: Claim, *, failed_steps: Sequence[str], now: datetime) -> Closed:
    """Give every open row and the change their final state, in one transaction; return how it ended.

    `failed_steps` are the tasks that died for good: they are named on the rows that they left open. A second run finds
    the change closed and returns the same. Raises ClaimLost when another run or retry holds it.
    """

    def end(connection: Connection) -> Closed:
        done = _stored(connection, claim.bulk_change_id, claim.retry_number)
        if done is not None:
            return done
        assert_claim(connection, claim, now)
        end_rows(
            connection,
            claim.bulk_change_id,
            claim.retry_number,
            failed_step=", ".join(failed_steps) or "an earlier step",
            is_late=is_past_deadline(connection, claim, now),
            actor=claim.actor,
            now=now,
        )
        run(connection, "bulk_changes/free_claim", run_id=claim.run_id, **claim.key)
        return close(connection, claim.bulk_change_id, claim.retry_number, actor=claim.actor, now=now)

    return in_transaction(engine, end)


def end_rows(
    connection: Connection,
    bulk_change_id: int,
    retry_number: int,
    *,
    failed_step: str,
    is_late: bool,
    actor: str,
    now: datetime,
) -> None:
    """Give every open row of a change the state and code that fit, log it, and give its device back."""
    batches, about = row_batches(connection, bulk_change_id), {"bulk_change_id": bulk_change_id}
    in_batches(
        connection,
        "bulk_changes/end_open_rows",
        batches,
        retry_number=retry_number,
        failed_step=failed_step,
        is_late=int(is_late),
        actor=actor,
        now=now,
        **about,
    )
    log_and_release(connection, bulk_change_id, batches, step=STEP, actor=actor, now=now)
    in_batches(connection, "bulk_changes/abandon_planned", batches, now=now, **about)


def close(connection: Connection, bulk_change_id: int, retry_number: int, *, actor: str, now: datetime) -> Closed:
    """Close a change whose rows are all final: status, result, metrics in the log, and the notification in the outbox."""
    about = {"bulk_change_id": bulk_change_id, "retry_number": retry_number, "now": now}
    if not changed(connection, "bulk_changes/set_final_status", actor=actor, **about):
        raise ChangeNotRunnable(f"bulk change {bulk_change_id} has open rows or has ended; it was not closed")
    run(connection, "bulk_changes/record_result", **about)
    closed = _stored(connection, bulk_change_id, retry_number)
    assert closed is not None, "the result was just recorded"
    metrics = as_json(closed.as_result())
    log_change_step(connection, bulk_change_id, STEP, response=metrics, actor=actor, now=now)
    enqueue_end_notification(connection, bulk_change_id, retry_number, now=now)
    return closed


def start_or_close(
    connection: Connection, bulk_change_id: int, retry_number: int, *, open_rows: int, actor: str, now: datetime
) -> str:
    """Enqueue the message that starts a change, or close one of which no row is open; return its status."""
    if not open_rows:
        return close(connection, bulk_change_id, retry_number, actor=actor, now=now).status
    enqueue_message(connection, bulk_change_id, retry_number, now=now)
    return ChangeStatus.NEW


def enqueue_end_notification(connection: Connection, bulk_change_id: int, retry_number: int, *, now: datetime) -> None:
    """Enqueue the 2.0 system's notification of a final status, in the transaction that writes it; once a retry."""
    change = find_bulk_change(connection, bulk_change_id)
    assert change is not None, "its status was just written"
    enqueue_tenant_notification(connection, bulk_change_id, retry_number, change.tenant_id, change.tenant_name, now=now)


def enqueue_tenant_notification(
    connection: Connection,
    bulk_change_id: int,
    retry_number: int,
    tenant_id: int | None,
    tenant_name: str | None,
    *,
    now: datetime,
) -> None:
    """Enqueue the notification of a final status for a tenant; None: the change is not in the portal any more."""
    tenant = {"tenant_id": tenant_id, "tenant_name": tenant_name}
    enqueue_notification(connection, bulk_change_id, retry_number, {"data": NOTIFIED_JOB | tenant}, now=now)


def count_codes(connection: Connection, bulk_change_id: int) -> dict[str, int]:
    """Return how many devices of a change have which code; rows without a code count under their state."""
    return {one.code: one.devices for one in list_codes(connection, bulk_change_id)}


def list_codes(connection: Connection, bulk_change_id: int) -> list[CodeCount]:
    """Return how many devices of a change are in which state with which code, by code."""
    return rows(connection, CodeCount, "bulk_changes/count_codes", bulk_change_id=bulk_change_id)


def _stored(connection: Connection, bulk_change_id: int, retry_number: int) -> Closed | None:
    about = {"bulk_change_id": bulk_change_id, "retry_number": retry_number}
    result = row(connection, ChangeResult, "bulk_changes/find_result", **about)
    if result is None:
        return None
    steps = list_steps(connection, bulk_change_id, retry_number)
    return Closed(
        bulk_change_id=result.bulk_change_id,
        retry_number=result.retry_number,
        status=result.status,
        devices=result.devices,
        rev_calls=result.rev_calls,
        codes=count_codes(connection, bulk_change_id),
        seconds_by_step={one.step: round((one.ended - one.started).total_seconds(), 3) for one in steps},
    )

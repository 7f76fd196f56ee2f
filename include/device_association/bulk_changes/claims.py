"""Which run works on a bulk change: claims. Source: the domain contract, section 4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.locks import BulkChange, find_bulk_change
from device_association.database.execution import changed, in_transaction, row
from device_association.domain.codes import CUSTOMER_ASSIGNMENT, RUNNING, ChangeStatus
from device_association.domain.errors import ChangeNotRunnable, ClaimLost

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Claim:
    """A run's hold of one bulk change for one retry; every transaction with an effect checks it again."""

    bulk_change_id: int
    retry_number: int
    run_id: str
    actor: str

    @property
    def key(self) -> dict[str, object]:
        """The binds that name the change and the retry."""
        return {"bulk_change_id": self.bulk_change_id, "retry_number": self.retry_number}


@dataclass(frozen=True, slots=True)
class TakenClaim:
    """A claim as it was taken: its retry, on whose behalf, and whether a run of ours had the change before."""

    retry_number: int
    actor: str
    was_claimed: bool


def take_claim(
    engine: Engine,
    bulk_change_id: int,
    *,
    retry_number: int | None,
    run_id: str,
    is_run_active: Callable[[str], bool],
    now: datetime,
) -> Claim:
    """Claim a bulk change for a run and set it PROCESSING; return the claim.

    `retry_number` None takes the change's own. `is_run_active` tells whether Airflow still runs the holder; a dead holder
    loses its claim. Raises ClaimLost that names the holder or the newer retry, also for a change that has ended, waits for
    approval or is in another program's hands; ChangeNotRunnable for one that does not exist or is of another type.
    """
    found = _runnable(engine, bulk_change_id)
    holder = found.claim_run_id
    dead = holder if holder is not None and holder != run_id and not is_run_active(holder) else None

    def claim(connection: Connection) -> Claim:
        taken = row(
            connection,
            TakenClaim,
            "bulk_changes/take_claim",
            bulk_change_id=bulk_change_id,
            retry_number=retry_number,
            run_id=run_id,
            dead_run_id=dead,
            actor=found.created_by or "portal",
            now=now,
        )
        if taken is None:
            raise _refusal(find_bulk_change(connection, bulk_change_id), bulk_change_id, retry_number, holder)
        mine = Claim(bulk_change_id, taken.retry_number, run_id, taken.actor)
        if not changed(
            connection,
            "bulk_changes/set_processing",
            bulk_change_id=bulk_change_id,
            was_claimed=int(taken.was_claimed),
            actor=mine.actor,
            now=now,
        ):
            raise _begun_or_ended(find_bulk_change(connection, bulk_change_id), bulk_change_id)
        return mine

    return in_transaction(engine, claim)


def find_claim(engine: Engine, bulk_change_id: int, retry_number: int, run_id: str) -> Claim:
    """Return the claim that a run took earlier, with the actor it works for; whether it still holds is checked later."""
    with engine.connect() as connection:
        found = find_bulk_change(connection, bulk_change_id)
    if found is None or found.actor is None:
        raise ClaimLost(f"bulk change {bulk_change_id} is gone")
    return Claim(bulk_change_id, retry_number, run_id, found.actor)


def holding(engine: Engine, claim: Claim, now: datetime, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one transaction that holds the claim until it commits; raise ClaimLost if the claim is gone."""

    def held(connection: Connection) -> Result:
        assert_claim(connection, claim, now)
        return work(connection)

    return in_transaction(engine, held)


def assert_claim(connection: Connection, claim: Claim, now: datetime) -> None:
    """Check inside the caller's transaction that the claim is still the run's, and keep others away until it commits."""
    if not changed(connection, "bulk_changes/assert_claim", run_id=claim.run_id, now=now, **claim.key):
        raise ClaimLost(
            f"run {claim.run_id} no longer holds bulk change {claim.bulk_change_id} (retry {claim.retry_number}): it has "
            "ended, was retried or was taken over; nothing was written. To work on it again use Retry on the change"
        )


def _runnable(engine: Engine, bulk_change_id: int) -> BulkChange:
    with engine.connect() as connection:
        found = find_bulk_change(connection, bulk_change_id)
    if found is None:
        raise ChangeNotRunnable(f"there is no bulk change {bulk_change_id}; check the id")
    if found.change_request_type_id != CUSTOMER_ASSIGNMENT:
        raise ChangeNotRunnable(
            f"bulk change {bulk_change_id} is of type {found.change_request_type_id}, not a customer assignment "
            f"({CUSTOMER_ASSIGNMENT}); another program works on it"
        )
    status = found.status
    if status not in RUNNING:
        raise ClaimLost(ended_text(bulk_change_id, status))
    if status == ChangeStatus.PROCESSING and found.claim_run_id is None:
        raise ClaimLost(
            f"bulk change {bulk_change_id} is PROCESSING without a claim of ours: another program works on it"
        )
    return found


def ended_text(bulk_change_id: int, status: str) -> str:
    """Say why a change that is neither NEW nor PROCESSING is not worked on, and what to do."""
    if status == ChangeStatus.PENDING_APPROVAL:
        return f"bulk change {bulk_change_id} waits for approval; it runs once it is approved"
    return f"bulk change {bulk_change_id} has ended as {status}; use Retry to work on it again"


def _begun_or_ended(there: BulkChange | None, bulk_change_id: int) -> ChangeNotRunnable | ClaimLost:
    """Return why a change was claimed and is not to be worked on: it was deleted, begun elsewhere or ended meanwhile."""
    if there is None:
        return ChangeNotRunnable(f"bulk change {bulk_change_id} was just deleted")
    if there.status == ChangeStatus.PROCESSING:
        return ClaimLost(f"bulk change {bulk_change_id} was taken by another program while this run waited to claim it")
    return ClaimLost(f"bulk change {bulk_change_id} was ended while this run waited to claim it")


def _refusal(
    there: BulkChange | None, bulk_change_id: int, wanted: int | None, holder: str | None
) -> ChangeNotRunnable | ClaimLost:
    """Return why a change was not claimed; `wanted` is the retry that was asked for, `holder` the run that had it before."""
    if there is None:
        return ChangeNotRunnable(f"bulk change {bulk_change_id} was just deleted")
    if wanted is not None and wanted != there.retry_number:
        age = "stale" if wanted < there.retry_number else "from the future"
        return ClaimLost(
            f"retry {wanted} of bulk change {bulk_change_id} is {age}: the change is at retry {there.retry_number}"
        )
    winner = there.claim_run_id or holder or "that has just ended"
    return ClaimLost(f"bulk change {bulk_change_id} is held by run {winner}")

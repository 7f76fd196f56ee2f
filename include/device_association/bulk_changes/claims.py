"""Who is at work on a bulk change: claims, and the steps that a claim has had. Source: the domain contract, section 4."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Engine

from device_association.database.execution import Record, as_json, changed, in_transaction, record, run
from device_association.domain.codes import CUSTOMER_ASSIGNMENT, RUNNING, ChangeStatus, DeviceCode
from device_association.domain.errors import ChangeNotRunnable, ClaimLost
from device_association.domain.storable_text import storable

Result = TypeVar("Result")
log = logging.getLogger(__name__)


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


def take_claim(
    engine: Engine,
    bulk_change_id: int,
    *,
    retry_number: int | None,
    run_id: str,
    run_lives: Callable[[str], bool],
    now: datetime,
) -> Claim:
    """Claim a bulk change for a run and set it PROCESSING; return the claim.

    `retry_number` None takes the change's own. `run_lives` tells whether Airflow still runs the holder; a dead holder
    loses its claim. Raises ClaimLost that names the holder or the newer retry, also for a change that has ended, waits for
    approval or is in another program's hands; ChangeNotRunnable for one that does not exist or is of another type.
    """
    found = _runnable(engine, bulk_change_id)
    holder = found["claim_run_id"]
    dead = holder if holder is not None and holder != run_id and not run_lives(holder) else None

    def claim(connection: Connection) -> Claim:
        run(
            connection,
            "bulk_changes/insert_state",
            bulk_change_id=bulk_change_id,
            retry_number=0,
            run_id=None,
            run_key=None,
            actor=found["created_by"] or "portal",
            reason=None,
            now=now,
        )
        state = lock_change(connection, bulk_change_id)
        if state is None:
            raise ChangeNotRunnable(f"bulk change {bulk_change_id} was just deleted")
        wanted = state["retry_number"] if retry_number is None else retry_number
        _check_retry(bulk_change_id, wanted, state["retry_number"])
        mine = Claim(bulk_change_id, wanted, run_id, state["actor"])
        if not changed(connection, "bulk_changes/take_claim", dead_run_id=dead, run_id=run_id, now=now, **mine.key):
            now_there = record(connection, "findings/find_bulk_change", bulk_change_id=bulk_change_id)
            winner = now_there and now_there["claim_run_id"]
            raise ClaimLost(f"bulk change {bulk_change_id} is held by run {winner or holder or 'that has just ended'}")
        about = {"bulk_change_id": bulk_change_id, "actor": mine.actor, "now": now}
        was_claimed = int(state["claim_run_id"] is not None)
        if not changed(connection, "bulk_changes/set_processing", was_claimed=was_claimed, **about):
            raise ClaimLost(_taken_text(connection, bulk_change_id))
        return mine

    return in_transaction(engine, claim)


def find_claim(engine: Engine, bulk_change_id: int, retry_number: int, run_id: str) -> Claim:
    """Return the claim that a run took earlier, with the actor it works for; whether it still holds is checked later."""
    with engine.connect() as connection:
        found = record(connection, "findings/find_bulk_change", bulk_change_id=bulk_change_id)
    if found is None or found["actor"] is None:
        raise ClaimLost(f"bulk change {bulk_change_id} is gone")
    return Claim(bulk_change_id, retry_number, run_id, found["actor"])


def holding(engine: Engine, claim: Claim, now: datetime, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one transaction that holds the claim until it commits; raise ClaimLost if the claim is gone."""

    def held(connection: Connection) -> Result:
        keep(connection, claim, now)
        return work(connection)

    return in_transaction(engine, held)


def keep(connection: Connection, claim: Claim, now: datetime) -> None:
    """Check inside the caller's transaction that the claim is still the run's, and keep others away until it commits."""
    if not changed(connection, "bulk_changes/keep_claim", run_id=claim.run_id, now=now, **claim.key):
        raise ClaimLost(
            f"run {claim.run_id} no longer holds bulk change {claim.bulk_change_id} (retry {claim.retry_number}): it has "
            "ended, was retried or was taken over; nothing was written. To work on it again use Retry on the change"
        )


def lock_change(connection: Connection, bulk_change_id: int) -> Record | None:
    """Return a change as nobody else can claim, close, stop or retry it before the caller's transaction ends."""
    run(connection, "bulk_changes/lock_state", bulk_change_id=bulk_change_id)
    return record(connection, "findings/find_bulk_change", bulk_change_id=bulk_change_id)


def stop(connection: Connection, claim: Claim, code: str, reason: str, *, now: datetime) -> None:
    """Begin no further device of the change in this retry; the first stop stays."""
    stopped = {"code": code, "actor": claim.actor, "reason": storable(reason, 500), "now": now}
    run(connection, "bulk_changes/insert_stop", **stopped, **claim.key)


def is_stopped(engine: Engine, claim: Claim) -> bool:
    """Whether no further device of the change is to be begun in this retry."""
    with engine.connect() as connection:
        return record(connection, "bulk_changes/find_stop", **claim.key) is not None


def waits_in_vain(engine: Engine, claim: Claim, now: datetime) -> bool:
    """Whether the change was stopped while its account cannot be called: what is open is looked up after its end."""
    with engine.connect() as connection:
        return record(connection, "bulk_changes/find_vain_wait", now=now, **claim.key) is not None


def is_past_deadline(connection: Connection, claim: Claim, now: datetime) -> bool:
    """Whether the change should have been done by now. The deadline stands still while its account is paused.

    Source: the domain contract, section 4, 'Deadline'; it counts from the plan of the calls.
    """
    found = record(connection, "bulk_changes/find_deadline", bulk_change_id=claim.bulk_change_id)
    return found is not None and found["deadline"] is not None and now > deadline_of(found)


def deadline_of(found: Record) -> datetime:
    """Return the deadline that a statement found, moved by what the change's account was paused."""
    moved: datetime = found["deadline"] + timedelta(seconds=found["paused_seconds"])
    return moved


def set_abort_rule(engine: Engine, bulk_change_id: int, *, percent: int | None, sample: int | None) -> None:
    """Stop a change, also one that runs, once Rev.io refused `percent` of at least `sample` devices; None: the setting's."""
    binds = {"bulk_change_id": bulk_change_id, "abort_percent": percent, "abort_sample": sample}
    in_transaction(engine, lambda connection: run(connection, "bulk_changes/set_abort_rule", **binds))


def stop_if_failing(connection: Connection, claim: Claim, *, percent: int, sample: int, now: datetime) -> bool:
    """Stop the change when Rev.io refuses too many of its devices: by its own rule, else by `percent` and `sample`."""
    about = {"bulk_change_id": claim.bulk_change_id, "abort_percent": percent, "abort_sample": sample}
    few = record(connection, "bulk_changes/count_refusals", **about)
    assert few is not None, "a change that is claimed has a state"
    if few["failed"] * 100 < few["abort_percent"] * few["abort_sample"]:
        return False
    counts = record(connection, "bulk_changes/count_failures", **about)
    assert counts is not None, "a sum is always one row"
    failed, asked = counts["failed"] or 0, (counts["failed"] or 0) + (counts["settled"] or 0)
    if asked < counts["abort_sample"] or failed * 100 < counts["abort_percent"] * asked:
        return False
    reason = (
        f"Rev.io refused {failed} of {asked} devices; see their reasons, correct the request, then retry the change"
    )
    stop(connection, claim, DeviceCode.STOPPED, reason, now=now)
    return True


def record_step(
    connection: Connection, claim: Claim, step: str, counts: Mapping[str, object], *, started: datetime, began: float
) -> None:
    """Keep that the change has had this step in this retry, with its counts and how long it took.

    `began` is `time.perf_counter()` at the start, so that the duration is real whoever owns the clock.
    """
    took = timedelta(milliseconds=round((time.perf_counter() - began) * 1000))
    run(
        connection,
        "bulk_changes/record_step",
        step=step,
        started=started,
        ended=started + took,
        counts=as_json(counts),
        **claim.key,
    )


def _runnable(engine: Engine, bulk_change_id: int) -> Record:
    with engine.connect() as connection:
        found = record(connection, "findings/find_bulk_change", bulk_change_id=bulk_change_id)
    if found is None:
        raise ChangeNotRunnable(f"there is no bulk change {bulk_change_id}; check the id")
    if found["change_request_type_id"] != CUSTOMER_ASSIGNMENT:
        raise ChangeNotRunnable(
            f"bulk change {bulk_change_id} is of type {found['change_request_type_id']}, not a customer assignment "
            f"({CUSTOMER_ASSIGNMENT}); another program works on it"
        )
    status = found["status"]
    if status not in RUNNING:
        raise ClaimLost(ended_text(bulk_change_id, status))
    if status == ChangeStatus.PROCESSING and found["claim_run_id"] is None:
        raise ClaimLost(
            f"bulk change {bulk_change_id} is PROCESSING without a claim of ours: another program works on it"
        )
    return found


def ended_text(bulk_change_id: int, status: str) -> str:
    """Say why a change that is neither NEW nor PROCESSING is not worked on, and what to do."""
    if status == ChangeStatus.PENDING_APPROVAL:
        return f"bulk change {bulk_change_id} waits for approval; it runs once it is approved"
    return f"bulk change {bulk_change_id} has ended as {status}; use Retry to work on it again"


def _taken_text(connection: Connection, bulk_change_id: int) -> str:
    """Say who was quicker: a program of another make, or whoever ended the change."""
    there = record(connection, "findings/find_bulk_change", bulk_change_id=bulk_change_id)
    if there is not None and there["status"] == ChangeStatus.PROCESSING:
        return f"bulk change {bulk_change_id} was taken by another program while this run waited to claim it"
    return f"bulk change {bulk_change_id} was ended while this run waited to claim it"


def _check_retry(bulk_change_id: int, wanted: int, current: int) -> None:
    if wanted != current:
        age = "stale" if wanted < current else "from the future"
        raise ClaimLost(f"retry {wanted} of bulk change {bulk_change_id} is {age}: the change is at retry {current}")

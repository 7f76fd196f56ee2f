"""Recovers changes that no run works on, closes those past their deadline, and runs final procedures that are missing.

The table of bulk changes is the truth. A change is enqueued again rather than worked on here; a final state is written only
past the deadline and under a claim of our own. Source: the domain contract, 4 and 6.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.associations import associate
from device_association.bulk_changes.claims import Claim, take_claim
from device_association.bulk_changes.close import close_bulk_change
from device_association.bulk_changes.gone_changes import release_gone
from device_association.bulk_changes.locks import lock_change
from device_association.bulk_changes.overdue import OverdueChange, list_overdue
from device_association.database.execution import changed, in_transaction, rows, run
from device_association.domain.codes import RUNNING, ChangeStatus
from device_association.domain.errors import ClaimLost, DatabaseUnavailable
from device_association.findings.one_by_one import OneByOne
from device_association.findings.store import Finding, FindingKind, report
from device_association.messaging.outbox import enqueue_message

GRACE = timedelta(minutes=30)
"""What a run that was started again has beyond the deadline before the sweep ends its change itself."""
MAX_WAITS = 6
"""A message is sent again after one quiet time, then two, at most so many: a change that cannot start is no storm of runs."""
UNFINISHED_FOR = timedelta(days=30)
"""How long after its end a change is given the procedures that it lacks."""
IsRunActive = Callable[[str], bool]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenChange:
    """An open change of our kind, with who holds it and its message, as `maintenance/list_open` returns it.

    `message_id` is None where no message was ever put into the outbox,
    `sent` where it was not sent; `attempts` is how often it was. Times are UTC.
    """

    bulk_change_id: int
    status: str
    tenant_id: int
    created: datetime
    retry_number: int
    claim_run_id: str | None
    message_id: int | None
    sent: datetime | None
    attempts: int | None


@dataclass(frozen=True, slots=True)
class UnfinishedChange:
    """An ended change that lacks one of the final procedures; `actor` is for whom they are run."""

    bulk_change_id: int
    tenant_id: int
    retry_number: int
    actor: str


def requeue_stalled(engine: Engine, *, is_run_active: IsRunActive, quiet: timedelta, now: datetime) -> dict[str, int]:
    """Requeue the message of each open change that nobody works on; return how many of what kind there were.

    Nobody works on it: its message was sent a quiet time ago, or never queued, and no active run holds it. A run too many
    ends by itself. A change that another program works on becomes a finding and is never claimed.
    """
    with engine.connect() as connection:
        found = rows(connection, OpenChange, "maintenance/list_open")
    counts: Counter[str] = Counter()
    foreign = []
    enqueuing = OneByOne(engine, "enqueue again", now)
    for change in found:
        if change.status == ChangeStatus.PROCESSING and change.claim_run_id is None:
            counts["another_program"] += 1
            foreign.append(_foreign(change))
            continue
        work = partial(_requeue, engine, change, is_run_active, quiet, now)
        counts[enqueuing.attempt(_named(change), work, "failed", **_about(change))] += 1
    enqueuing.end()

    def report_foreign(connection: Connection) -> None:
        report(connection, foreign, now=now)
        run(connection, "service_lines/close_settled", now=now)

    in_transaction(engine, report_foreign)
    return dict(counts)


def _requeue(engine: Engine, change: OpenChange, is_run_active: IsRunActive, quiet: timedelta, now: datetime) -> str:
    if not _is_stalled(change, is_run_active, quiet, now):
        return "in_work"
    return "enqueued" if in_transaction(engine, partial(_enqueue, change=change, now=now)) else "in_work"


def _named(change: OpenChange | OverdueChange | UnfinishedChange) -> str:
    return f"bulk change {change.bulk_change_id}"


def _about(change: OpenChange | OverdueChange | UnfinishedChange) -> dict[str, object]:
    """Return the fields of a finding that say whose the change is."""
    return {"bulk_change_id": change.bulk_change_id, "tenant_id": change.tenant_id}


def _is_stalled(change: OpenChange, is_run_active: IsRunActive, quiet: timedelta, now: datetime) -> bool:
    waits = min(max(change.attempts or 0, 1), MAX_WAITS)
    if change.message_id and change.sent is None:
        return False  # it is in the outbox already
    if (change.sent or change.created) > now - quiet * waits:
        return False
    return change.claim_run_id is None or not is_run_active(change.claim_run_id)


def _enqueue(connection: Connection, change: OpenChange, now: datetime) -> int:
    log.warning("bulk change %s: nobody works on it; it is enqueued again", change.bulk_change_id)
    if change.message_id is None:
        enqueue_message(connection, change.bulk_change_id, change.retry_number, now=now)
        return 1
    return changed(connection, "maintenance/owe_again", message_id=change.message_id, sent=change.sent)


def _foreign(change: OpenChange) -> Finding:
    return Finding(
        FindingKind.CHANGE_OF_ANOTHER_PROGRAM,
        _named(change),
        f"{_named(change)} reads PROCESSING, and no run of ours holds it",
        tenant_id=change.tenant_id,
        bulk_change_id=change.bulk_change_id,
    )


def close_overdue(engine: Engine, *, run_id: str, is_run_active: IsRunActive, clock: Callable[[], datetime]) -> int:
    """Bring each change to its end that is well past its deadline and that no living run holds; return how many.

    What is settled is associated first, as a run would; what cannot be associated is closed as it is. A change that cannot
    be closed is a finding, and the later ones are closed. Before that, what deleted changes hold is released.
    """
    with engine.connect() as connection:
        found = list_overdue(connection, clock())
    closing = OneByOne(engine, "close late", clock())
    gone = partial(release_gone, engine, is_run_active=is_run_active, now=clock())
    closing.attempt("changes that were deleted", gone, 0)
    closed = 0
    for one in found:
        close = partial(_close_overdue, engine, one, run_id, is_run_active, clock)
        closed += closing.attempt(_named(one), close, False, **_about(one))
    closing.end()
    return closed


def _close_overdue(
    engine: Engine, late: OverdueChange, run_id: str, is_run_active: IsRunActive, clock: Callable[[], datetime]
) -> bool:
    holder, change_id = late.claim_run_id, late.bulk_change_id
    if not holder or late.moved_deadline >= clock() - GRACE or is_run_active(holder):
        return False
    try:
        own = f"{run_id}__{change_id}"
        claim = take_claim(engine, change_id, retry_number=None, run_id=own, is_run_active=is_run_active, now=clock())
        failed = _failed_steps(engine, claim, clock)
        close_bulk_change(engine, claim, failed_steps=failed or ["its run"], now=clock())
    except ClaimLost as lost:
        log.info("%s", lost)
        return False
    return True


def _failed_steps(engine: Engine, claim: Claim, clock: Callable[[], datetime]) -> list[str]:
    """Associate what is settled and run the final procedures; return the steps of these that fail.

    The procedures are run also where nothing could be associated: some batches of it may be.
    """
    steps: dict[str, Callable[[], object]] = {
        associate.STEP: partial(associate.associate_devices, engine, claim, clock=clock),
        associate.HISTORY_STEP: lambda: associate.update_cross_provider_device_history(engine, claim, now=clock()),
        associate.LINKS_STEP: lambda: associate.update_device_rev_service_links(engine, claim, now=clock()),
    }
    failed = []
    for name, step in steps.items():
        try:
            step()
        except (ClaimLost, DatabaseUnavailable):
            raise
        except Exception:
            log.exception("bulk change %s: %s failed; the change is closed without it", claim.bulk_change_id, name)
            failed.append(name)
    return failed


def run_missing_procedures(engine: Engine, *, now: datetime) -> int:
    """Run the final procedures that an ended change has not had; return for how many changes."""
    with engine.connect() as connection:
        unfinished = rows(
            connection,
            UnfinishedChange,
            "maintenance/list_unfinished",
            ended_since=now - UNFINISHED_FOR,
            association_step=associate.STEP,
            history_step=associate.HISTORY_STEP,
            links_step=associate.LINKS_STEP,
        )
    finishing = OneByOne(engine, "final procedures", now)
    finished = 0
    for change in unfinished:
        finish = partial(in_transaction, engine, partial(_finish, change=change, now=now))
        finished += finishing.attempt(_named(change), finish, False, **_about(change))
    finishing.end()
    return finished


def _finish(connection: Connection, change: UnfinishedChange, now: datetime) -> bool:
    """Run both procedures for an ended change; no retry of it begins before they are had."""
    found = lock_change(connection, change.bulk_change_id)
    if found is None or found.status in RUNNING or found.retry_number != change.retry_number:
        return False
    ended = Claim(change.bulk_change_id, change.retry_number, "sweep", change.actor)
    associate.write_history(connection, ended, now=now)
    associate.write_links(connection, ended, now=now)
    return True

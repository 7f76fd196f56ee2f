"""A second person's answer about a change that has to be approved before it starts. Source: the domain contract, section 4.

A change that waits holds no device and no run waits for it. The first answer counts, wherever it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, VisibleChange, lock_visible, refused
from device_association.bulk_changes.close import close, end_rows, start_or_close
from device_association.bulk_changes.locks import BulkChange, lock_change
from device_association.bulk_changes.steps import log_change_step
from device_association.bulk_changes.stops import insert_stop
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import changed, in_transaction, run
from device_association.domain.association_request import STORABLE, Text500
from device_association.domain.codes import ChangeStatus, DeviceCode, RequestCode
from device_association.domain.errors import Refusal, RequestRefused
from device_association.domain.storable_text import storable
from device_association.findings.one_by_one import OneByOne
from device_association.requests.approval_questions import find_approval, list_waiting
from device_association.requests.device_rules import revalidate

ANSWERED_WITHIN = timedelta(hours=72)
APPROVED, REFUSED, EXPIRED, CANCELED = "APPROVED", "REFUSED", "EXPIRED", "CANCELED"
SWEEP = "sweep"


class Answer(BaseModel):
    """The body of an approval; a refusal needs its reason."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)

    reason: Annotated[Text500, STORABLE] = ""


class Refusing(Answer):
    """The body of a refusal."""

    reason: Annotated[Text500, STORABLE, Field(pattern=r"\S")]


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer came to: how the change stands now, and how many of its devices may go on."""

    status: str
    accepted: int
    rejected: int


def ask_for_approval(connection: Connection, change_id: int, why: str, *, actor: str, now: datetime) -> None:
    """Let a change wait for approval, in the transaction that stores or reopens it; it gives its devices back."""
    about = {"bulk_change_id": change_id, "actor": actor, "now": now}
    asked = {"why": storable(why, 500), "expires": now + ANSWERED_WITHIN, **about}
    if not changed(connection, "requests/ask_again", **asked):
        run(connection, "requests/insert_approval", **asked)
    run(connection, "requests/begin_approval", **about)
    run(connection, "bulk_changes/drop_claim", bulk_change_id=change_id)
    in_batches(connection, "requests/release_devices", row_batches(connection, change_id), bulk_change_id=change_id)
    log_change_step(connection, change_id, "ask_for_approval", request=why, actor=actor, now=now)


def ask_or_start(
    connection: Connection,
    change_id: int,
    retry_number: int,
    why: str | None,
    *,
    open_rows: int,
    actor: str,
    now: datetime,
) -> None:
    """Let a change with open rows wait for approval where there is a reason; else start it, or close it without any."""
    if why and open_rows:
        ask_for_approval(connection, change_id, why, actor=actor, now=now)
    else:
        start_or_close(connection, change_id, retry_number, open_rows=open_rows, actor=actor, now=now)


def has_to_ask_again(connection: Connection, change_id: int) -> str | None:
    """Return why a change that is tried again has to be approved first: it was asked about, and not approved."""
    found = find_approval(connection, change_id)
    return found.why if found and found.answer != APPROVED else None


def answer_approval(
    engine: Engine, caller: PortalUser, bulk_change_id: int, *, approve: bool, reason: str, now: datetime
) -> Answered:
    """Approve a change, which is enqueued, or refuse it, which ends it; in one transaction with the answer.

    Raises RequestRefused where the answer was given already, for a change that waits for none, and for the person who
    asked for the change.
    """

    def answer(connection: Connection) -> Answered:
        change = lock_visible(connection, caller, bulk_change_id, now)
        _check_waits(connection, change, caller, now)
        if approve:
            return _approve(connection, change, actor=caller.user_name, reason=reason, now=now)
        return _end(connection, change, REFUSED, actor=caller.user_name, reason=reason, now=now)

    return in_transaction(engine, answer)


def expire_approvals(engine: Engine, *, now: datetime) -> int:
    """End every change that nobody answered in time; return how many."""
    late = [one.bulk_change_id for one in list_waiting(engine) if one.expires <= now]
    expiring = OneByOne(engine, "expire approvals", now)
    expired = 0
    for change_id in late:
        expire = partial(in_transaction, engine, partial(_expire, change_id=change_id, now=now))
        expired += expiring.attempt(f"bulk change {change_id}", expire, False, bulk_change_id=change_id)
    expiring.end()
    return expired


def is_answered(refused: RequestRefused) -> bool:
    """Whether an answer was refused because there was one already, or nothing waits for one any more."""
    late = {RequestCode.ALREADY_ANSWERED, RequestCode.NOT_WAITING_FOR_APPROVAL}
    return any(one.code in late for one in refused.refusals)


def reason_needed() -> Refusal:
    """Return why a refusal without a reason is not taken."""
    return Refusal(RequestCode.INVALID_REQUEST, "Reason", "say why the change is refused; it is kept with the change")


def end_unanswered(connection: Connection, change_id: int, *, actor: str, now: datetime) -> None:
    """Close the question about a change that a person cancels."""
    run(connection, "bulk_changes/answer", bulk_change_id=change_id, answer=CANCELED, actor=actor, now=now)


def _check_waits(connection: Connection, change: VisibleChange, caller: PortalUser, now: datetime) -> None:
    asked = find_approval(connection, change.bulk_change_id)
    if asked is not None and asked.answered is not None:
        text = f"already answered: {asked.answer} by {asked.answered_by} at {asked.answered.isoformat()}"
        raise refused(RequestCode.ALREADY_ANSWERED, text)
    if asked is None or change.status != ChangeStatus.PENDING_APPROVAL:
        text = f"this change reads {change.status}; it waits for no approval"
        raise refused(RequestCode.NOT_WAITING_FOR_APPROVAL, text)
    if asked.expires <= now:
        raise refused(RequestCode.ALREADY_ANSWERED, "the time for an answer is over; retry the change to ask anew")
    if asked.asked_by == caller.user_name:
        text = "you asked for this change; somebody else with edit permission has to approve or refuse it"
        raise refused(RequestCode.OWN_REQUEST, text)


def _approve(connection: Connection, change: VisibleChange, *, actor: str, reason: str, now: datetime) -> Answered:
    """Start the change: the rules decide about each device again, since it held none while it waited."""
    change_id = change.bulk_change_id
    about = {"bulk_change_id": change_id, "actor": actor, "now": now}
    run(connection, "bulk_changes/answer", answer=APPROVED, **about)
    run(connection, "requests/end_approval", **about)
    log_change_step(connection, change_id, "approve", request=reason, actor=actor, now=now)
    counts = revalidate(connection, change_id, actor=actor, now=now)
    retry, open_rows = change.retry_number, counts.open_rows
    status = start_or_close(connection, change_id, retry, open_rows=open_rows, actor=actor, now=now)
    return Answered(status, accepted=open_rows, rejected=counts.final_rows)


def _expire(connection: Connection, *, change_id: int, now: datetime) -> bool:
    change = lock_change(connection, change_id)
    if change is None or change.status != ChangeStatus.PENDING_APPROVAL:
        return False
    hours = ANSWERED_WITHIN // timedelta(hours=1)
    _end(connection, change, EXPIRED, actor=SWEEP, reason=f"nobody answered within {hours} hours", now=now)
    return True


def _end(
    connection: Connection, change: BulkChange | VisibleChange, answer: str, *, actor: str, reason: str, now: datetime
) -> Answered:
    """End the change without beginning it."""
    change_id, retry = change.bulk_change_id, change.retry_number
    about = {"bulk_change_id": change_id, "actor": actor, "now": now}
    code = DeviceCode.APPROVAL_REFUSED if answer == REFUSED else DeviceCode.APPROVAL_EXPIRED
    run(connection, "bulk_changes/answer", answer=answer, **about)
    insert_stop(connection, change_id, retry, code, reason, actor=actor, now=now)
    step = "refuse" if answer == REFUSED else "expire_approval"
    log_change_step(connection, change_id, step, request=reason, actor=actor, now=now)
    run(connection, "requests/end_approval", **about)
    end_rows(connection, change_id, retry, failed_step=step, is_late=False, actor=actor, now=now)
    closed = close(connection, change_id, retry, actor=actor, now=now)
    return Answered(closed.status, accepted=0, rejected=closed.devices)

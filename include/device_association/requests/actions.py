"""What a person does to a bulk change: cancel it, or try again what failed. Source: the domain contract, section 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, lock_visible, refused
from device_association.bulk_changes.close import close, end_rows
from device_association.bulk_changes.reverts import reverted_text
from device_association.bulk_changes.steps import log_change_step
from device_association.bulk_changes.stops import insert_stop
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import changed, in_transaction, run
from device_association.domain.association_request import STORABLE, Text500
from device_association.domain.codes import NOT_ENDED, ChangeStatus, DeviceCode, RequestCode
from device_association.domain.encoding import as_json
from device_association.requests.approvals import ask_or_start, end_unanswered, has_to_ask_again
from device_association.requests.device_rules import revalidate

Code = Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,50}$")]


class Cancel(BaseModel):
    """The body of a cancellation."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)

    reason: Annotated[Text500, STORABLE, Field(pattern=r"\S")]


class Retry(Cancel):
    """The body of a retry; without codes everything that failed or was not attempted is tried again."""

    codes: Annotated[tuple[Code, ...], Field(min_length=1, max_length=50)] | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """A change that was opened again: its retry number, how many devices are tried again, how many were refused at once."""

    retry_number: int
    accepted: int
    rejected: int


def cancel_change(engine: Engine, caller: PortalUser, bulk_change_id: int, *, reason: str, now: datetime) -> str:
    """Stop a change and return its status: CANCELED where nobody was at work on it, else PROCESSING until its run ends it.

    Of several stops the first stays. Raises RequestRefused for a change that has ended or is another program's.
    """

    def cancel(connection: Connection) -> str:
        change = lock_visible(connection, caller, bulk_change_id, now)
        status, retry = change.status, change.retry_number
        if status == ChangeStatus.PROCESSING and change.claim_run_id is None:
            raise refused(RequestCode.CHANGE_NOT_OURS, "another program works on this change; cancel it there")
        if status not in NOT_ENDED:
            raise refused(RequestCode.CHANGE_ENDED, f"this change has ended as {status}; there is nothing to cancel")
        actor, code = caller.user_name, DeviceCode.CANCELED_BY_USER
        insert_stop(connection, bulk_change_id, retry, code, reason, actor=actor, now=now)
        log_change_step(connection, bulk_change_id, "cancel", request=reason, actor=actor, now=now)
        if status == ChangeStatus.PROCESSING:
            return ChangeStatus.PROCESSING
        run(connection, "requests/end_approval", bulk_change_id=bulk_change_id, actor=actor, now=now)
        if not changed(connection, "requests/keep_new", bulk_change_id=bulk_change_id):
            raise refused(RequestCode.CHANGE_NOT_OURS, "another program has just begun this change; cancel it there")
        end_unanswered(connection, bulk_change_id, actor=actor, now=now)
        end_rows(connection, bulk_change_id, retry, failed_step="cancel", is_late=False, actor=actor, now=now)
        return close(connection, bulk_change_id, retry, actor=actor, now=now).status

    return in_transaction(engine, cancel)


def retry_change(
    engine: Engine,
    caller: PortalUser,
    bulk_change_id: int,
    *,
    reason: str,
    codes: Sequence[str] | None = None,
    now: datetime,
) -> Retried:
    """Open an ended change again for what failed or was not attempted, all or by code, with the message that starts it.

    Rows, holds, retry number and message are one transaction. The rules decide about each device again, as they did at the
    request; where they refuse all, the change is closed again at once. What the rows said before stays in the log.
    """

    def again(connection: Connection) -> Retried:
        change = lock_visible(connection, caller, bulk_change_id, now)
        if change.reverted_by is not None:
            raise refused(RequestCode.CHANGE_REVERTED, reverted_text(change.reverted_by))
        if change.status in NOT_ENDED:
            raise refused(
                RequestCode.CHANGE_NOT_ENDED, f"this change reads {change.status}; retry it once it has ended"
            )
        current, actor = change.retry_number, caller.user_name
        done = open_again(connection, bulk_change_id, current, actor=actor, reason=reason, codes=codes, now=now)
        if done is None:
            text = "no device of this change failed or was not attempted" + (" with these codes" if codes else "")
            raise refused(RequestCode.NOTHING_TO_RETRY, text)
        return done

    return in_transaction(engine, again)


def open_again(
    connection: Connection,
    bulk_change_id: int,
    retry_number: int,
    *,
    actor: str,
    reason: str,
    now: datetime,
    codes: Sequence[str] | None = None,
    row_ids: Sequence[int] | None = None,
) -> Retried | None:
    """Open the rows of an ended change that the caller has locked, all or by code or id; None where there is none to open.

    `retry_number` is the one that has ended.
    """
    retry = retry_number + 1
    about = {"bulk_change_id": bulk_change_id, "actor": actor, "now": now}
    opened = _open_rows(connection, bulk_change_id, codes, row_ids, about)
    if not opened:
        return None
    run(connection, "requests/reopen_change", **about)
    state = {"bulk_change_id": bulk_change_id, "retry_number": retry_number, "actor": actor}
    run(connection, "requests/begin_retry", reason=reason, **state)
    log_change_step(connection, bulk_change_id, "retry", request=reason, actor=actor, now=now)
    counts = revalidate(connection, bulk_change_id, actor=actor, now=now)
    why = has_to_ask_again(connection, bulk_change_id)
    ask_or_start(connection, bulk_change_id, retry, why, open_rows=counts.open_rows, actor=actor, now=now)
    return Retried(retry, accepted=counts.open_rows, rejected=opened - counts.open_rows)


def _open_rows(
    connection: Connection,
    bulk_change_id: int,
    codes: Sequence[str] | None,
    row_ids: Sequence[int] | None,
    about: dict[str, object],
) -> int:
    batches = row_batches(connection, bulk_change_id)
    chosen = {"codes": as_json(codes) if codes else None, "row_ids": as_json(row_ids) if row_ids else None, **about}
    in_batches(connection, "requests/log_reopened_rows", batches, step="retry", **chosen)
    return in_batches(connection, "requests/reopen_rows", batches, **chosen)

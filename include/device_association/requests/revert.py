"""Takes a bulk change back: a change of its own that gives each device what it had and ends the lines that the first made.

It goes through the same steps; they ask `reverts` what their change is about. Where the contract is silent:
- It is about the devices that the first change associated, and those of which a line or product was made. What was adopted
  stays at Rev.io. A line that may be somebody else's by now is reported and left, its device is given back all the same.
- A device whose status allows no customer, or whose customer of then is closed, goes back all the same.
- A change is taken back once; what the revert did not reach is tried again by a retry of it. Where no device at all can be
  taken back nothing is stored.
- Who may see the first change may take it back, also to a customer whom that person may not choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, VisibleChange, lock_visible, refused
from device_association.bulk_changes.close import count_codes
from device_association.bulk_changes.reverts import reverted_text
from device_association.bulk_changes.steps import log_change_step
from device_association.database import statistics
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import in_transaction, only_row, run, values
from device_association.domain.association_request import STORABLE, Text500
from device_association.domain.codes import NOT_ENDED, RequestCode
from device_association.domain.encoding import as_json
from device_association.rate_limiting.policy import Limits
from device_association.requests.actions import Cancel
from device_association.requests.approvals import ask_or_start
from device_association.requests.create import Created, insert_change, with_reason
from device_association.requests.device_rules import count_rows, reject_devices
from device_association.requests.preview import Preview, verdicts, without_trace

STEP = "revert"


class Revert(Cancel):
    """The body of a revert."""


class RevertPreview(BaseModel):
    """The body of a preview; the reason may still be to come."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)

    reason: Annotated[Text500, STORABLE] = ""


@dataclass(frozen=True, slots=True)
class LineCount:
    """How many lines a revert disconnects, and how many calls a minute the slowest of their accounts may make."""

    lines: int
    calls_per_minute: int


def revert_change(engine: Engine, caller: PortalUser, bulk_change_id: int, *, reason: str, now: datetime) -> Created:
    """Store the change that takes an ended one back, with the message that will start it; return its id and counts.

    Rows, holds, the link between both and the message are one transaction. Raises RequestRefused, and stores nothing, for
    a change that has not ended, was taken back before, is a revert itself, or of which no device can be taken back.
    """

    def revert(connection: Connection) -> Created:
        first = lock_visible(connection, caller, bulk_change_id, now)
        created = _store(connection, caller, first, reason, now)
        why, actor = created.needs_approval, caller.user_name
        ask_or_start(connection, created.change_id, 0, why, open_rows=created.accepted, actor=actor, now=now)
        return created

    return in_transaction(engine, revert)


def preview_revert(engine: Engine, caller: PortalUser, bulk_change_id: int, *, now: datetime) -> Preview:
    """Return what a revert would do; nothing is stored, Rev.io is not asked. Raises RequestRefused as storing it would."""

    def look(connection: Connection) -> Preview:
        first = lock_visible(connection, caller, bulk_change_id, now)
        created = _store(connection, caller, first, "a preview", now)
        about = {"bulk_change_id": created.change_id, "usual_rate": Limits().calls_per_minute}
        counted = only_row(connection, LineCount, "requests/count_lines", **about)
        devices = verdicts(connection, created.change_id)
        return Preview(devices, counted.lines, counted.calls_per_minute, created.needs_approval)

    return without_trace(engine, look)


def _store(connection: Connection, caller: PortalUser, first: VisibleChange, reason: str, now: datetime) -> Created:
    """Write the revert with its rows, and refuse the devices that were changed since; or raise RequestRefused."""
    _check(connection, first)
    actor = caller.user_name
    change_id = insert_change(
        connection,
        service_provider_id=first.service_provider_id,
        tenant_id=first.tenant_id,
        site_id=None,
        reason=reason,
        actor=actor,
        now=now,
    )
    links = {"bulk_change_id": change_id, "reverted_change_id": first.bulk_change_id}
    run(connection, "requests/insert_revert", now=now, **links)
    run(connection, "requests/copy_terms", **links)
    payload = as_json({"RevertedBulkChangeId": first.bulk_change_id})
    request_id = run(connection, "requests/insert_payload", payload=payload, actor=actor, now=now).scalar_one()
    batches = row_batches(connection, first.bulk_change_id)
    inserted = in_batches(
        connection, "requests/insert_rows", batches, request_id=request_id, actor=actor, now=now, **links
    )
    batches = row_batches(connection, change_id)
    statistics.analyze(connection, statistics.REQUESTS, new_rows=inserted)
    in_batches(connection, "requests/copy_requested_devices", batches, now=now, **links)
    in_batches(connection, "requests/insert_reverted_devices", batches, **links)
    reject_devices(connection, change_id, actor=actor, now=now)
    _log(connection, first.bulk_change_id, change_id, reason, actor, now)
    created = _counted(connection, change_id)
    return with_reason(connection, created, first.tenant_id, _customers_of(connection, change_id)[0])


def _check(connection: Connection, first: VisibleChange) -> None:
    if first.reverts is not None:
        text = f"this change takes bulk change {first.reverts} back; what it did is undone by a request of its own"
        raise refused(RequestCode.CHANGE_IS_REVERT, text)
    if first.reverted_by is not None:
        raise refused(RequestCode.CHANGE_REVERTED, reverted_text(first.reverted_by))
    if first.status in NOT_ENDED:
        text = f"this change reads {first.status}; take it back once it has ended"
        raise refused(RequestCode.CHANGE_NOT_ENDED, text)
    if not _customers_of(connection, first.bulk_change_id):
        raise refused(RequestCode.CHANGE_NOT_OURS, "another program did this change; have it undone there")


def _customers_of(connection: Connection, bulk_change_id: int) -> list[UUID]:
    """Return the customers that a change's request names; none: the change was never ours."""
    return values(connection, "requests/list_customers_of", bulk_change_id=bulk_change_id)


def _log(connection: Connection, first_id: int, change_id: int, reason: str, actor: str, now: datetime) -> None:
    """Write to the log of both changes which one reverts which, and why."""
    texts = {
        first_id: f"bulk change {change_id} takes this one back",
        change_id: f"takes bulk change {first_id} back",
    }
    for one, text in texts.items():
        log_change_step(connection, one, STEP, request=reason, response=text, actor=actor, now=now)


def _counted(connection: Connection, change_id: int) -> Created:
    counts = count_rows(connection, change_id)
    if counts.open_rows:
        return Created(change_id, accepted=counts.open_rows, rejected=counts.final_rows)
    codes = ", ".join(f"{devices} {code}" for code, devices in count_codes(connection, change_id).items())
    text = f"no device can be taken back ({codes})" if codes else "this change reached no device"
    raise refused(RequestCode.NOTHING_TO_REVERT, f"{text}; nothing was stored")

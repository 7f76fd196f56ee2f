"""What a caller sees of bulk changes: only those of the own tenants and customers; any other does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, find_visible
from device_association.bulk_changes.close import CodeCount, list_codes
from device_association.bulk_changes.steps import list_steps
from device_association.database.execution import rows
from device_association.database.search_patterns import containing
from device_association.domain.codes import ChangeStatus, DeviceChangeStatus
from device_association.domain.encoding import BIGGEST_ID
from device_association.messaging.outbox import is_waiting
from device_association.portal.field_names import columns_of
from device_association.portal.progress import count_states, read_progress, with_total
from device_association.requests.approval_questions import Approval, find_approval


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A bulk change of the list; times are UTC, `customer_name` is None for a change of another program."""

    bulk_change_id: int
    status: str
    tenant_id: int
    tenant_name: str
    service_provider_id: int
    service_provider: str
    created_by: str
    created_date: datetime
    processed_date: datetime | None
    status_details: str | None
    retry_number: int
    reason: str | None
    customer_name: str | None


@dataclass(frozen=True, slots=True)
class ListedChange(ChangeRow):
    """A bulk change of the list, with its devices by state, and all of them under TOTAL."""

    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class StepTimes:
    """A step of a change, and from when to when it went on."""

    step: str
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class ChangeDetails(ListedChange):
    """One change as a person sees it: how it stands, its devices by code, why it was stopped, what reverted it.

    `estimate_seconds` is None where no line is asked for or the change does not run. `waits_for_queue`: its message could
    not be sent yet.
    """

    reverts: int | None
    reverted_by: int | None
    claim_run_id: str | None
    run_key: str | None
    stop_code: str | None
    stop_reason: str | None
    stopped_by: str | None
    step: str | None
    estimate_seconds: int | None
    codes: list[CodeCount]
    steps: list[StepTimes]
    approval: Approval | None
    waits_for_queue: bool


@dataclass(frozen=True, slots=True)
class ChangeDevice:
    """A device of a change; `code` and `message` say what became of it."""

    row_id: int
    iccid: str
    msisdn: str | None
    device_id: int | None
    status: str
    code: str | None
    message: str | None
    processed_date: datetime | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of a change's log, about the device of `row_id` or about the change as a whole."""

    log_id: int
    row_id: int | None
    step: str
    request: str | None
    response: str | None
    error: str | None
    status: str | None
    processed_by: str | None
    processed_date: datetime | None


def list_changes(
    engine: Engine,
    caller: PortalUser,
    *,
    status: ChangeStatus | None = None,
    created_by: str | None = None,
    customer: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[ListedChange]:
    """Return a page of the changes that the caller may see, newest first, from below an id, each with its counts.

    `customer` is a part of the customer's name or number.
    """
    with engine.connect() as connection:
        found = rows(
            connection,
            ChangeRow,
            "portal/list_visible_changes",
            user_id=caller.user_id,
            status=status,
            created_by=created_by,
            customer=containing(customer),
            since=since,
            until=until,
            before=before or BIGGEST_ID,
            limit=limit,
        )
        counts = count_states(connection, [one.bulk_change_id for one in found])
    return [ListedChange(**columns_of(one), counts=with_total(counts[one.bulk_change_id])) for one in found]


def describe_change(engine: Engine, caller: PortalUser, bulk_change_id: int) -> ChangeDetails:
    """Return one change: how it stands, its devices by code, why it was stopped, and whether its message waits."""
    with engine.connect() as connection:
        found = find_visible(connection, caller, bulk_change_id)
        progress = read_progress(connection, bulk_change_id)
        codes = list_codes(connection, bulk_change_id)
        steps = list_steps(connection, bulk_change_id, progress.retry_number)
        approval = find_approval(connection, bulk_change_id)
    is_new = found.status == ChangeStatus.NEW
    return ChangeDetails(
        **{**columns_of(found), **columns_of(progress)},
        codes=codes,
        steps=[StepTimes(one.step, one.started, one.ended) for one in steps],
        approval=approval,
        waits_for_queue=is_new and is_waiting(engine, bulk_change_id),
    )


def page_devices(
    engine: Engine,
    caller: PortalUser,
    bulk_change_id: int,
    *,
    status: DeviceChangeStatus | None = None,
    code: str | None = None,
    after: int = 0,
    limit: int,
) -> list[ChangeDevice]:
    """Return a page of a change's devices in the order of the request, from behind a row, by state and code."""
    with engine.connect() as connection:
        find_visible(connection, caller, bulk_change_id)
        return device_rows(connection, bulk_change_id, status=status, code=code, after=after, limit=limit)


def device_rows(
    connection: Connection,
    bulk_change_id: int,
    *,
    status: DeviceChangeStatus | None,
    code: str | None,
    after: int,
    limit: int,
) -> list[ChangeDevice]:
    """Return a page of a change's rows by index, however many it has."""
    if status is None:
        return rows(
            connection,
            ChangeDevice,
            "portal/page_rows",
            bulk_change_id=bulk_change_id,
            code=code,
            after=after,
            limit=limit,
        )
    return rows(
        connection,
        ChangeDevice,
        "portal/page_rows_in_state",
        bulk_change_id=bulk_change_id,
        status=status,
        code=code,
        after=after,
        limit=limit,
    )


def page_log(engine: Engine, caller: PortalUser, bulk_change_id: int, *, after: int = 0, limit: int) -> list[LogEntry]:
    """Return a page of a change's log, oldest first, from behind an entry."""
    with engine.connect() as connection:
        find_visible(connection, caller, bulk_change_id)
        return rows(connection, LogEntry, "portal/list_log", bulk_change_id=bulk_change_id, after=after, limit=limit)

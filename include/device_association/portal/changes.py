"""What a caller sees of bulk changes: only those of the own tenants and customers; any other does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, find_visible
from device_association.database.execution import BIGGEST_ID, Record, record, records
from device_association.database.search_patterns import containing
from device_association.domain.codes import ChangeStatus, Row
from device_association.messaging.outbox import is_waiting
from device_association.portal.progress import count_states, read_progress


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
) -> list[dict[str, object]]:
    """Return a page of the changes that the caller may see, newest first, from below an id, each with its counts.

    `customer` is a part of the customer's name or number.
    """
    with engine.connect() as connection:
        found = records(
            connection,
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
        counts = count_states(connection, [one["bulk_change_id"] for one in found])
    return [{**one, "counts": _summed(counts[one["bulk_change_id"]])} for one in found]


def describe_change(engine: Engine, caller: PortalUser, bulk_change_id: int) -> dict[str, object]:
    """Return one change: how it stands, its devices by code, why it was stopped, and whether its message waits."""
    with engine.connect() as connection:
        found = find_visible(connection, caller, bulk_change_id)
        progress = read_progress(connection, bulk_change_id)
        codes = records(connection, "bulk_changes/count_codes", bulk_change_id=bulk_change_id)
        steps = records(
            connection,
            "bulk_changes/list_steps",
            bulk_change_id=bulk_change_id,
            retry_number=progress.retry_number,
        )
        approval = record(connection, "requests/find_approval", bulk_change_id=bulk_change_id)
    is_new = found.status == ChangeStatus.NEW
    return {
        **asdict(found),
        **progress.as_record(),
        "codes": codes,
        "steps": [{name: one[name] for name in ("step", "started", "ended")} for one in steps],
        "approval": approval,
        "waits_for_queue": is_new and is_waiting(engine, bulk_change_id),
    }


def page_devices(
    engine: Engine,
    caller: PortalUser,
    bulk_change_id: int,
    *,
    status: Row | None = None,
    code: str | None = None,
    after: int = 0,
    limit: int,
) -> list[Record]:
    """Return a page of a change's devices in the order of the request, from behind a row, by state and code."""
    with engine.connect() as connection:
        find_visible(connection, caller, bulk_change_id)
        return device_rows(connection, bulk_change_id, status=status, code=code, after=after, limit=limit)


def device_rows(
    connection: Connection, bulk_change_id: int, *, status: Row | None, code: str | None, after: int, limit: int
) -> list[Record]:
    """Return a page of a change's rows by index, however many it has."""
    about: dict[str, object] = {"bulk_change_id": bulk_change_id, "code": code, "after": after, "limit": limit}
    if status is None:
        return list(records(connection, "portal/page_rows", **about))
    return list(records(connection, "portal/page_rows_in_state", status=status, **about))


def page_log(engine: Engine, caller: PortalUser, bulk_change_id: int, *, after: int = 0, limit: int) -> list[Record]:
    """Return a page of a change's log, oldest first, from behind an entry."""
    with engine.connect() as connection:
        find_visible(connection, caller, bulk_change_id)
        return list(records(connection, "portal/list_log", bulk_change_id=bulk_change_id, after=after, limit=limit))


def _summed(counts: Mapping[str, int]) -> dict[str, int]:
    return {**counts, "TOTAL": sum(counts.values())}

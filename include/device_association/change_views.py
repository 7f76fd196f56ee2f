"""What a caller sees of bulk changes: only those of the own tenants and customers; any other does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.callers import Caller
from device_association.codes import ChangeStatus, RequestCode, Row
from device_association.database import Record, row, rows, run
from device_association.errors import Refusal, RequestRefused
from device_association.outbox import is_waiting
from device_association.progress import count_states, read_progress
from device_association.search_patterns import containing

BIGGEST_ID = 2**63 - 1


def find_visible(connection: Connection, caller: Caller, bulk_change_id: int) -> Record:
    """Return a change as a person sees it; raise RequestRefused where the caller may not see it, as if it were not there."""
    found = row(connection, "bulk_changes/find_visible", bulk_change_id=bulk_change_id, user_id=caller.user_id)
    if found is None:
        said = f"there is no bulk change {bulk_change_id}; check the id"
        raise refused(RequestCode.BULK_CHANGE_NOT_FOUND, said)
    return found


def lock_visible(connection: Connection, caller: Caller, bulk_change_id: int, now: datetime) -> Record:
    """Return a change as nobody else can change it before this transaction ends; a change of the portal's gets its state."""
    seen = find_visible(connection, caller, bulk_change_id)
    run(
        connection,
        "claims/insert_state",
        bulk_change_id=bulk_change_id,
        retry_number=0,
        run_id=None,
        run_key=None,
        actor=seen["created_by"],
        reason=None,
        now=now,
    )
    run(connection, "claims/lock_state", bulk_change_id=bulk_change_id)
    return find_visible(connection, caller, bulk_change_id)


def refused(code: RequestCode, message: str) -> RequestRefused:
    """Return the refusal of what is asked of a change."""
    return RequestRefused([Refusal(code, "id", message)])


def list_changes(
    engine: Engine,
    caller: Caller,
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
        found = rows(
            connection,
            "bulk_changes/list_visible",
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


def describe_change(engine: Engine, caller: Caller, bulk_change_id: int) -> dict[str, object]:
    """Return one change: how it stands, its devices by code, why it was stopped, and whether its message waits."""
    with engine.connect() as connection:
        found = find_visible(connection, caller, bulk_change_id)
        progress = read_progress(connection, bulk_change_id)
        codes = rows(connection, "bulk_changes/count_codes", bulk_change_id=bulk_change_id)
        steps = rows(
            connection,
            "claims/list_steps",
            bulk_change_id=bulk_change_id,
            retry_number=progress.retry_number,
        )
        approval = row(connection, "approvals/find_approval", bulk_change_id=bulk_change_id)
    is_new = found["status"] == ChangeStatus.NEW
    return {
        **found,
        **progress.as_record(),
        "codes": codes,
        "steps": [{name: one[name] for name in ("step", "started", "ended")} for one in steps],
        "approval": approval,
        "waits_for_queue": is_new and is_waiting(engine, bulk_change_id),
    }


def page_devices(
    engine: Engine,
    caller: Caller,
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
        return list(rows(connection, "device_changes/page_rows", **about))
    return list(rows(connection, "device_changes/page_rows_in_state", status=status, **about))


def page_log(engine: Engine, caller: Caller, bulk_change_id: int, *, after: int = 0, limit: int) -> list[Record]:
    """Return a page of a change's log, oldest first, from behind an entry."""
    with engine.connect() as connection:
        find_visible(connection, caller, bulk_change_id)
        return list(rows(connection, "audit/list_log", bulk_change_id=bulk_change_id, after=after, limit=limit))


def _summed(counts: Mapping[str, int]) -> dict[str, int]:
    return {**counts, "TOTAL": sum(counts.values())}

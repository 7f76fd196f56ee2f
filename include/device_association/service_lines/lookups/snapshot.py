"""What Rev.io shows of each account's lines: listed once a day, kept, and shared by all who compare with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection, Engine

from device_association.database import statistics
from device_association.database.execution import changed, in_parts, in_transaction, row, rows, run, values
from device_association.domain.encoding import as_json
from device_association.domain.errors import ConfigurationError, RevioRetryable, StepUnfinished
from device_association.domain.sim_numbers import rounded_keys
from device_association.domain.storable_text import storable
from device_association.revio.lines import MAX_NUMBER, Line
from device_association.revio.listings import Listing, newest_of

LEASE = timedelta(minutes=10)
"""How long a page may take, its wait for the account's budget included; then another run lists the account instead."""
RETRY_SECONDS = 30.0
SHIFTED_FOR = timedelta(minutes=10)
"""How long nobody lists an account again whose list shifted in each pass."""


class ListShifts(RevioRetryable):
    """A list was another one in each pass: what it lacks may be there all the same.

    `listed`: when an account's list began whose passes were kept together.
    """

    def __init__(self, message: str, listed: datetime | None = None) -> None:
        super().__init__(message, status=200)
        self.listed = listed


@dataclass(frozen=True, slots=True)
class RevAccount:
    """A Rev.io account that customers of ours have, as `service_lines/list_accounts` returns it."""

    account_id: int
    name: str
    connection_id: str
    tenant_id: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """When an account was listed last, in UTC, and whether that showed all of it, as `service_lines/find_listing` has it."""

    listed: datetime | None
    is_whole: bool


def list_accounts(engine: Engine) -> list[RevAccount]:
    """Return the Rev.io accounts that have customers of ours."""
    with engine.connect() as connection:
        return rows(connection, RevAccount, "service_lines/list_accounts")


def listing_of_today(
    engine: Engine, account: RevAccount, lines: Callable[..., Listing], *, clock: Callable[[], datetime]
) -> datetime:
    """Return when today's listing of an account began; see `list_account`."""
    return list_account(
        engine, account, lines, since=clock().replace(hour=0, minute=0, second=0, microsecond=0), clock=clock
    )


def list_account(
    engine: Engine,
    account: RevAccount,
    lines: Callable[..., Listing],
    *,
    since: datetime,
    clock: Callable[[], datetime],
) -> datetime:
    """Return when the last listing of an account began; it is read with `lines(on_page=...)` where none began since then.

    Raises StepUnfinished while another run reads it, ConfigurationError where it shows so little that it can't be all, and
    ListShifts where it is another one in each pass: what any of them showed is kept, and proves no absence.
    """
    now, owner = clock(), uuid4().hex
    about = {"account_id": account.account_id, "owner": owner}

    def shifts(listed: datetime) -> ListShifts:
        return ListShifts(f"{account.name}: the list of all lines shifts each time that it is read", listed)

    def begin(connection: Connection) -> bool:
        run(connection, "service_lines/insert_listing", account_id=account.account_id)
        times = {"day": since, "now": now, "lease_until": now + LEASE, "shifted_before": now - SHIFTED_FOR}
        return changed(connection, "service_lines/begin_listing", **times, **about) > 0

    if not in_transaction(engine, begin):
        with engine.connect() as connection:
            last = row(connection, Snapshot, "service_lines/find_listing", account_id=account.account_id)
        if last is None or last.listed is None or last.listed < since:
            raise StepUnfinished(f"another run is listing the lines of {account.name}", retry_after=RETRY_SECONDS)
        if not last.is_whole:
            raise shifts(last.listed)
        return last.listed

    def hold() -> None:
        lease_until = clock() + LEASE
        in_transaction(engine, lambda c: run(c, "service_lines/keep_listing", lease_until=lease_until, **about))

    try:
        shown = lines(on_page=hold)
        found = list({line.key: line for line in shown}.values())
        _check(engine, account, found, now)
        keep = partial(_keep, account, owner, found, is_whole=shown.is_stable, listed=now, clock=clock)
        in_transaction(engine, keep)
        if not shown.is_stable:
            raise shifts(now)
    finally:
        in_transaction(engine, lambda connection: run(connection, "service_lines/free_listing", **about))
    return now


def _check(engine: Engine, account: RevAccount, lines: list[Line], now: datetime) -> None:
    """Refuse a listing with less than half of the lines that the mirror knows: most lines would seem to be gone."""
    active = sum(line.is_active(now) for line in lines)
    with engine.connect() as connection:
        (known,) = values(connection, "service_lines/count_known", account_id=account.account_id, now=now)
    if 2 * active < known:
        raise ConfigurationError(
            f"Rev.io lists {active} active lines of account {account.name}, the mirror knows {known}: the user of connection "
            f"{account.connection_id!r} seems to see only some customers; let it see all, then clear this task"
        )


def _keep(
    account: RevAccount,
    owner: str,
    lines: list[Line],
    connection: Connection,
    *,
    is_whole: bool,
    listed: datetime,
    clock: Callable[[], datetime],
) -> None:
    """Keep a listing; one that is not whole forgets nothing that was known."""
    account_id = account.account_id
    active = [line for line in lines if line.is_active(listed)]
    newest = newest_of(lines, listed)
    numbers = {
        "line_count": len(lines),
        "is_whole": int(is_whole),
        "newest": newest and newest.created,
        "newest_id": newest and newest.service_id,
        "irregular": sum(not line.is_regular() for line in active),
        "iccid_lengths": as_lengths(active),
    }
    if not changed(
        connection, "service_lines/end_listing", account_id=account_id, owner=owner, listed=listed, **numbers
    ):
        raise StepUnfinished("the listing took too long, another run has begun it again", retry_after=RETRY_SECONDS)
    for part in in_parts(connection, [line for line in lines if line.service_id is not None]):
        about = {"account_id": account_id, "listed": listed}
        run(connection, "service_lines/renew_lines", lines=as_json(list(map(_row, part))), **about)
    if is_whole:
        run(connection, "service_lines/delete_lines", account_id=account_id, listed=listed)
        run(connection, "service_lines/delete_keys", account_id=account_id)
        run(connection, "service_lines/delete_unjudged", account_id=account_id)
    keep_lines(connection, lines, account_id=account_id, listed=listed, shown=clock())
    statistics.analyze(connection, statistics.LISTED, new_rows=len(lines))


def keep_lines(
    connection: Connection, lines: Collection[Line], *, account_id: int, listed: datetime, shown: datetime
) -> None:
    """Keep lines of an account as Rev.io shows them, and the numbers by which they are found, in the caller's transaction.

    `listed` is from when they are, `shown` the present: who compared with what was known until then compares again.
    """
    about, dates = {"account_id": account_id}, {"listed": listed, "shown": shown}
    unjudged = [line for line in lines if line.flaw()]
    with_id = [line for line in lines if line.service_id is not None]
    for part in in_parts(connection, with_id):
        run(connection, "service_lines/insert_lines", lines=as_json(list(map(_row, part))), **dates, **about)
        keys = [{"match_key": key[:60], "service_id": line.service_id} for line in part for key in line.match_keys]
        run(connection, "service_lines/insert_keys", keys=as_json(keys), **about)
    if unjudged:
        records = [{"line_key": line.key, "record": line.as_record(), **_row(line)} for line in unjudged]
        run(connection, "service_lines/insert_unjudged", lines=as_json(records), listed=listed, **about)
        keys = [{"match_key": key[:60], "line_key": line.key} for line in unjudged for key in unjudged_keys(line)]
        run(connection, "service_lines/insert_unjudged_keys", keys=as_json(keys), **about)


def as_lengths(lines: Iterable[Line], known: str | None = None) -> str:
    """Return how long the ICCIDs of these lines are, with those that are known, as `19,20`."""
    lengths = {str(line.iccid_length) for line in lines if line.iccid_length} | set(
        filter(None, (known or "").split(","))
    )
    return ",".join(sorted(lengths))


def unjudged_keys(line: Line) -> frozenset[str]:
    """Return the keys of a record that those of the lines do not find: of its rounded numbers, and all where it has no id or
    a number that is no text.
    """
    rounded = frozenset(f"R{start}" for number in line.rounded for start in rounded_keys(number))
    return rounded if line.service_id is not None and not line.nested else rounded | line.match_keys


def _row(line: Line) -> dict[str, object]:
    return {
        "service_id": line.service_id,
        "customer_number": None if line.customer_id is None else str(line.customer_id),
        "number": line.number and storable(line.number, MAX_NUMBER),
        "number2": line.number2 and storable(line.number2, MAX_NUMBER),
        "created": line.created,
        "disconnected": line.disconnected,
    }

"""What Rev.io lists of each account's lines: read at most once a day, kept, and shared by all who compare with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, Engine

from device_association.database import ROWS_PER_STATEMENT, as_json, changed, in_transaction, row, rows, run
from device_association.errors import ConfigurationError, StepUnfinished
from device_association.revio import PAGE_SIZE, Line

LEASE = timedelta(minutes=10)
"""How long a page may take, its wait for the account's budget included; then another run lists the account instead."""
RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RevAccount:
    """A Rev.io account that customers of ours have."""

    account_id: int
    name: str
    connection_id: str
    tenant_id: int


def list_accounts(engine: Engine) -> list[RevAccount]:
    """Return the Rev.io accounts that have customers of ours."""
    with engine.connect() as connection:
        return [RevAccount(**one) for one in rows(connection, "vendor_lines/list_accounts")]


def listing_of_today(
    engine: Engine, account: RevAccount, lines: Callable[[], Iterable[Line]], *, clock: Callable[[], datetime]
) -> datetime:
    """Return when today's listing of an account began; it is read with `lines` where nobody has read it today.

    Raises StepUnfinished while another run reads it, ConfigurationError where it shows so little that it can't be all.
    """
    now, about = clock(), {"account_id": account.account_id, "owner": uuid4().hex}
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)

    def begin(connection: Connection) -> bool:
        run(connection, "vendor_lines/insert_listing", **about)
        return changed(connection, "vendor_lines/begin_listing", day=day, now=now, lease_until=now + LEASE, **about) > 0

    if not in_transaction(engine, begin):
        with engine.connect() as connection:
            listing = row(connection, "vendor_lines/find_listing", **about)
        if listing is not None and listing["listed_date"] is not None and listing["listed_date"] >= day:
            return listing["listed_date"]  # type: ignore[no-any-return]  # the column is an instant
        raise StepUnfinished(f"another run is listing the lines of {account.name}", retry_after=RETRY_SECONDS)
    try:
        found = list({line.service_id: line for line in _leased(engine, lines(), about, clock)}.values())
        _check(engine, account, found, now)
        in_transaction(engine, lambda connection: _keep(connection, found, about, now))
    finally:
        in_transaction(engine, lambda connection: run(connection, "vendor_lines/free_listing", **about))
    return now


def _leased(
    engine: Engine, lines: Iterable[Line], about: dict[str, object], clock: Callable[[], datetime]
) -> Iterator[Line]:
    """Yield the lines; the lease is held anew with each page."""

    def hold(connection: Connection) -> None:
        run(connection, "vendor_lines/keep_listing", lease_until=clock() + LEASE, **about)

    for number, line in enumerate(lines):
        if number % PAGE_SIZE == 0:
            in_transaction(engine, hold)
        yield line


def _check(engine: Engine, account: RevAccount, lines: list[Line], now: datetime) -> None:
    """Refuse a listing with less than half of the lines that the mirror knows: most lines would seem to be gone."""
    active = sum(line.is_active(now) for line in lines)
    with engine.connect() as connection:
        counted = row(connection, "vendor_lines/count_known", account_id=account.account_id, now=now)
    known = counted["known"] if counted else 0
    if 2 * active < known:
        raise ConfigurationError(
            f"Rev.io lists {active} active lines of account {account.name}, the mirror knows {known}: the user of connection "
            f"{account.connection_id!r} seems to see only some customers; let it see all, then clear this task"
        )


def _keep(connection: Connection, lines: list[Line], about: dict[str, object], listed: datetime) -> None:
    if not changed(connection, "vendor_lines/end_listing", listed=listed, line_count=len(lines), **about):
        raise StepUnfinished("the listing took too long, another run has begun it anew", retry_after=RETRY_SECONDS)
    run(connection, "vendor_lines/delete_lines", **about)
    for start in range(0, len(lines), ROWS_PER_STATEMENT):
        part = as_json([_row(line) for line in lines[start : start + ROWS_PER_STATEMENT]])
        run(connection, "vendor_lines/insert_lines", lines=part, listed=listed, **about)
    run(connection, "vendor_lines/analyze")


def _row(line: Line) -> dict[str, object]:
    return {
        "service_id": line.service_id,
        "customer_number": None if line.customer_id is None else str(line.customer_id),
        "number": _storable(line.number),
        "number2": _storable(line.number2),
        "created": line.created,
        "disconnected": line.disconnected,
    }


def _storable(number: str | None) -> str | None:
    return number and (number.replace("\0", "")[:255] or None)

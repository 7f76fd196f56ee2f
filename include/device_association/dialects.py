"""What differs between the portal's two databases: values on the way in and out, and errors that pass.

PostgreSQL speaks through psycopg2, SQL Server through pymssql. Everything else is in the statement files.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from device_association.errors import ConfigurationError, DatabaseUnavailable

SQL_SERVER, POSTGRESQL = "mssql", "postgresql"
SUFFIX = {POSTGRESQL: ".postgres.sql", SQL_SERVER: ".sqlserver.sql"}
SESSION = {
    SQL_SERVER: "SET XACT_ABORT ON; SET DATEFORMAT ymd; SET LOCK_TIMEOUT 30000",
    POSTGRESQL: "SET TIME ZONE 'UTC'",
}
"""What each new connection is told: an error ends its transaction, instants are UTC and written year first."""
RETRIED_STATES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08003", "08006"})
"""SQLSTATEs after which the whole transaction is tried again: serialisation, deadlock, server shut down, connection."""
RETRIED_NUMBERS = frozenset(
    {1205, 1222, 3960, 3961, 596, 926, 927, 942, 945, 983, 6005, 10053, 10054, 10060}
    | {20002, 20003, 20004, 20006, 20009, 20017, 20047}
    | {40197, 40501, 40613, 49918, 49919, 49920}
)
"""SQL Server's and FreeTDS' numbers for the same: deadlock victim, lock time-out, snapshot conflict, shut down or offline,
connection, Azure's 'try again'."""
COLLISIONS = frozenset({2601, 2627, "23505"})
"""SQL Server's numbers and PostgreSQL's state for a unique key that two writers met; the second try finds the other's row."""
NOBODY_ANSWERED = (
    *("Connection refused", "timeout expired", "starting up", "shutting down", "closed the connection"),
    *("Unable to connect", "Cannot open database", "connection timed out"),
)
"""What the drivers say where no server answers; a server that answers and refuses says something else."""
REFUSED_NUMBERS = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
"""SQL Server's numbers for a login that it refuses."""


NO_TRANSACTION = 3903


def roll_back(connection: Any) -> None:
    """Roll a driver's connection back, also where SQL Server has done so itself, as it does to a deadlock's victim.

    pymssql then fails on its ROLLBACK, which would hide the error that matters, and opens no transaction again: what
    came next on that connection would be kept statement by statement. Where the connection is gone its transaction is
    too, and the pool's ping finds out before the connection is used again.
    """
    try:
        connection.rollback()
    except Exception as error:
        said = _text(error)
        if f"{NO_TRANSACTION}" in said:
            with closing(connection.cursor()) as cursor:
                cursor.execute("BEGIN TRANSACTION")
        elif _number(error) not in RETRIED_NUMBERS and "Not connected" not in said:
            raise


def to_driver(value: object) -> object:
    """Return a bind as both drivers understand it alike: instants as UTC, cut to the milliseconds that are stored."""
    return utc_milliseconds(value) if isinstance(value, datetime) and value.tzinfo is not None else value


def from_driver(value: Any) -> Any:
    """Return a value as the caller knows it from either database: instants aware and in UTC, flags as 0 and 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


def utc_milliseconds(moment: datetime) -> datetime:
    """Return the instant in UTC, cut to the milliseconds that old `datetime` columns keep."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def is_transient(error: BaseException) -> bool:
    """Whether the whole transaction may be tried again: nothing of it was kept, and the next try may well succeed."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if not isinstance(error, DBAPIError):
        return False
    passing = getattr(error.orig, "pgcode", None) in RETRIED_STATES or _number(error.orig) in RETRIED_NUMBERS
    return error.connection_invalidated or passing


def is_collision(error: BaseException) -> bool:
    """Whether two writers met at a unique key: a guarded INSERT cannot see the other's row before it is committed."""
    return isinstance(error, DBAPIError) and bool(
        {_number(error.orig), getattr(error.orig, "pgcode", None)} & COLLISIONS
    )


def refused_connection(named: str, error: BaseException) -> ConfigurationError | DatabaseUnavailable:
    """Return what to raise when no connection could be made, under the name a person knows it by."""
    said = " ".join(_text(error).split())
    answered = _number(error) in REFUSED_NUMBERS
    if not answered and any(words in said for words in NOBODY_ANSWERED):
        return DatabaseUnavailable(f"no database answers at connection {named!r}: {said}")
    return ConfigurationError(
        f"the database refuses connection {named!r}: {said}; correct it under Admin, Connections, then clear this task"
    )


def _number(error: BaseException | None) -> int | None:
    """Return the number of an error of pymssql, which some of its errors wrap twice."""
    first: object = error.args[0] if error is not None and error.args else None
    while isinstance(first, tuple) and first:
        first = first[0]
    return first if isinstance(first, int) else None


def _text(error: BaseException) -> str:
    parts: list[object] = list(error.args)
    while parts and isinstance(parts[0], tuple):
        parts = [*parts[0], *parts[1:]]
    texts = [part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in parts]
    return " ".join(texts)

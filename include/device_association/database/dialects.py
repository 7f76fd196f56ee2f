"""What differs between the portal's two databases: values on the way in and out, and errors that pass.

PostgreSQL speaks through psycopg2, SQL Server through pymssql. Everything else is in the statement files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from device_association.domain.encoding import utc_milliseconds
from device_association.domain.errors import ConfigurationError, DatabaseUnavailable

SQL_SERVER, POSTGRESQL = "mssql", "postgresql"
SUFFIX = {POSTGRESQL: ".postgres.sql", SQL_SERVER: ".sqlserver.sql"}
SESSION = {
    SQL_SERVER: "SET XACT_ABORT ON; SET DATEFORMAT ymd; SET LOCK_TIMEOUT 30000",
    POSTGRESQL: "SET TIME ZONE 'UTC'; SET idle_in_transaction_session_timeout = '60s'",
}
"""What each new connection is told: an error ends its transaction, instants are UTC and written year first, and nobody
waits for ever for what a worker has locked that froze, or whose machine is gone, in mid-transaction."""
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
    *("Connection refused", "Connection reset", "timeout expired", "closed the connection"),
    *("the database system is", "too many clients", "connection slots are reserved"),
    *("Unable to connect", "Cannot open database", "connection timed out"),
)
"""What the drivers say where no server answers, or one that starts, recovers, ends or is full ('the database system is
starting up', 'is not yet accepting connections'); a server that refuses the login says something else."""
REFUSED_NUMBERS = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
"""SQL Server's numbers for a login that it refuses."""


DENIED_NUMBERS = frozenset({229, 230, 262, 297, 300, 1088, 2760, 3701, 4902, 15151, 15247})
DENIED_STATES = frozenset({"42501"})
"""What SQL Server and PostgreSQL say where a login lacks a right."""
MISFIT_NUMBERS = frozenset({201, 207, 208, 446, 448, 449, 451, 468, 2812, 8144, 8145, 8146})
MISFIT_STATES = frozenset({"3F000", "42703", "42883", "42P01", "42P21", "42P22"})
"""What they say where a database is not as we need it: a table, column, procedure or parameter that is missing, or
collations that do not go together."""

NO_TRANSACTION = 3903
LINE_GOES_ON = re.compile(r"(?<=\\)(?=\r?\n)")
"""Where T-SQL drops what it reads: a backslash at the end of a line within a text, and the line's end."""


def roll_back(connection: Any) -> None:  # Any: a driver's connection is untyped
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


def keep_line_ends(statement: str, binds: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Return a statement for pymssql and its binds so that no text of them has a backslash at the end of a line.

    pymssql writes the texts into the statement, where SQL Server would take such a line to go on and drop both
    characters: the text is sent in pieces that the statement joins.
    """
    sent: dict[str, object] = {}
    for name, value in binds.items():
        pieces = LINE_GOES_ON.split(value) if isinstance(value, str) else [value]
        names = [name, *(f"{name}__{number}" for number in range(1, len(pieces)))]
        sent |= zip(names, pieces, strict=True)
        if len(pieces) > 1:
            joined = " + ".join(f"CAST(%({piece})s AS nvarchar(max))" for piece in names)
            statement = statement.replace(f"%({name})s", f"({joined})")
    return statement, sent


def from_driver(value: Any) -> Any:
    """Return a value as the caller knows it from either database: instants aware and in UTC, flags as 0 and 1.

    Any: a driver says nothing of its values' types; the row type or the reader does.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


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


def unsuitable(named: str, error: BaseException | None) -> ConfigurationError | None:
    """Return what to raise where a statement met a right that the login lacks, or a database that is not as we need it."""
    number, state = _number(error), getattr(error, "pgcode", None)
    if error is None or not (number in DENIED_NUMBERS | MISFIT_NUMBERS or state in DENIED_STATES | MISFIT_STATES):
        return None
    said = " ".join(_text(error).partition("DB-Lib error")[0].split()).removeprefix(f"{number} ")
    if number in DENIED_NUMBERS or state in DENIED_STATES:
        return ConfigurationError(
            f"the login of connection {named!r} lacks a right: {said}; {_to_grant(said)}. "
            "`python -m device_association adopt` with that login lists every right it lacks; "
            "then clear this task"
        )
    return ConfigurationError(
        f"the database of connection {named!r} is not as we need it: {said}; "
        "run `python -m device_association adopt`, which names what differs, do what it says, "
        "then clear this task"
    )


def _to_grant(said: str) -> str:
    """Return the GRANT that a refusal asks for, as far as its text tells."""
    right = re.search(
        r"The ([A-Z ]+) permission was denied on the object '([^']+)', database '[^']*', schema '([^']+)'", said
    )
    if right:
        return f"GRANT {right[1]} ON {right[3]}.{right[2]} to it"
    making = re.search(r"([A-Z ]+) permission denied in database '([^']+)'", said)
    if making:
        return f"GRANT {making[1].strip()} to it in {making[2]}"
    thing = re.search(r"permission denied for (\w+) (\S+)", said)
    return f"GRANT it the right on {thing[1]} {thing[2]}" if thing else "grant it what the message names"


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

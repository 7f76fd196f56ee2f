"""The one place that runs statements: engines, statement files, transactions that are retried whole."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Engine,
    RowMapping,
    TextClause,
    Uuid,
    bindparam,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, before_sleep_log, retry_if_exception, stop_after_delay, wait_random_exponential

from device_association.errors import ConfigurationError, DatabaseUnavailable

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
DIALECT_SUFFIX = {"postgresql": ".postgres.sql", "mssql": ".sqlserver.sql"}
RETRIED_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08003", "08006"}
"""SQLSTATEs after which the whole transaction is tried again: serialisation, deadlock, server shut down, connection."""
NOBODY_ANSWERED = ("Connection refused", "timeout expired", "starting up", "shutting down", "closed the connection")
"""What the driver says where no server answers; a server that answers and refuses says something else."""

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def make_engine(url: URL | str, *, named: str = "portal_db") -> Engine:
    """Return an engine for the portal's database, whose connections are checked before use.

    A connection that cannot be made says so under the name a person knows it by: DatabaseUnavailable where no server
    answers, ConfigurationError where one answers and refuses (password, database).
    """
    engine = create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=20)

    @event.listens_for(engine, "handle_error")
    def say_who_refused(context: ExceptionContext) -> None:
        if context.connection is None and not context.is_pre_ping:
            raise _refused_connection(named, context.original_exception) from None

    return engine


@cache
def statement(name: str, dialect: str) -> TextClause:
    """Return the statement in `include/sql/<name>.sql`, or its twin for the dialect, without the header.

    The header is stripped because `:word` in a comment would be taken for a bind.
    """
    portable = SQL_FOLDER / f"{name}.sql"
    path = portable if portable.is_file() else SQL_FOLDER / f"{name}{DIALECT_SUFFIX[dialect]}"
    lines = path.read_text(encoding="utf-8").splitlines()
    return text("\n".join(line for line in lines if not line.lstrip().startswith("--")))


def run(connection: Connection, name: str, **binds: object) -> CursorResult[Any]:
    """Run the statement file `name` with these binds, in the caller's transaction."""
    typed = [bindparam(key, type_=Uuid()) for key, value in binds.items() if isinstance(value, UUID)]
    return connection.execute(statement(name, connection.dialect.name).bindparams(*typed), binds)


def rows(connection: Connection, name: str, **binds: object) -> Sequence[RowMapping]:
    """Return all rows of the statement file `name`."""
    return run(connection, name, **binds).mappings().all()


def row(connection: Connection, name: str, **binds: object) -> RowMapping | None:
    """Return the only row of the statement file `name`, or None."""
    return run(connection, name, **binds).mappings().one_or_none()


def changed(connection: Connection, name: str, **binds: object) -> int:
    """Run the statement file `name` and return how many rows it changed."""
    return run(connection, name, **binds).rowcount


def in_transaction(engine: Engine, work: Callable[[Connection], Result], *, give_up_after: float = 60.0) -> Result:
    """Run `work` in one transaction and return its result.

    A deadlock, a serialisation failure or a dropped connection rolls everything back and runs `work` again, with
    growing waits, for `give_up_after` seconds; then the error is raised.
    """
    for attempt in Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_delay(give_up_after),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        before_sleep=before_sleep_log(log, logging.WARNING),
        reraise=True,
    ):
        with attempt, engine.begin() as connection:
            return work(connection)
    raise AssertionError("tenacity either returns or raises")


def as_json(value: Sequence[Mapping[str, object]] | Sequence[object] | Mapping[str, object]) -> str:
    """Return the one JSON parameter that carries many devices; decimals travel as strings, instants as UTC."""
    return json.dumps(value, default=_encode, separators=(",", ":"))


def utc_milliseconds(moment: datetime) -> datetime:
    """Return the instant in UTC, cut to the milliseconds that old `datetime` columns keep."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _encode(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, DatabaseUnavailable):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "pgcode", None) in RETRIED_STATES


def _refused_connection(named: str, error: BaseException) -> ConfigurationError | DatabaseUnavailable:
    said = " ".join(str(error).split())
    if any(words in said for words in NOBODY_ANSWERED):
        return DatabaseUnavailable(f"no database answers at connection {named!r}: {said}")
    return ConfigurationError(
        f"the database refuses connection {named!r}: {said}; correct it under Admin, Connections, then clear this task"
    )

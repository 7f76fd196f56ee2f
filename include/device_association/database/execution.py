"""The one place that runs statements: engines, statement files, transactions that are retried whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from sqlalchemy import URL, Connection, CursorResult, Engine, TextClause, Uuid, bindparam, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import MultipleResultsFound, NoResultFound
from tenacity import (
    RetryCallState,
    Retrying,
    before_sleep_log,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from device_association.database.dialects import (
    SESSION,
    SQL_SERVER,
    SUFFIX,
    from_driver,
    is_collision,
    is_transient,
    keep_line_ends,
    refused_connection,
    roll_back,
    to_driver,
    unsuitable,
)
from device_association.domain.encoding import utc_milliseconds

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SQL_FOLDER = Path(__file__).resolve().parents[2] / "sql"
ROWS_PER_STATEMENT = 4000
"""Most rows that one statement writes where others work on the table, if nothing else was set: SQL Server escalates its locks
near 5,000."""
COLLISION_TRIES = 5
"""How often a transaction is tried whose unique key met another's; more is no race but a row that is there."""

Result = TypeVar("Result")
Row = TypeVar("Row", bound="DataclassInstance")
Item = TypeVar("Item")
log = logging.getLogger(__name__)


def make_engine(url: URL | str, *, named: str = "portal_db", rows_per_statement: int = ROWS_PER_STATEMENT) -> Engine:
    """Return an engine for the portal's database, whose connections are checked before use.

    Its statements write at most `rows_per_statement` rows where others work on the table, see `rows_per_statement`.

    A connection that cannot be made says so under the name a person knows it by: DatabaseUnavailable where no server
    answers, ConfigurationError where one answers and refuses (password, database). A statement that the database refuses
    because a right, a table, a column or a parameter is missing is a ConfigurationError too.
    """
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=20,
        execution_options={"rows_per_statement": rows_per_statement},
    )
    if engine.dialect.name == SQL_SERVER:
        engine.dialect.do_rollback = roll_back  # type: ignore[assignment,method-assign]  # SQLAlchemy has no event in its place
        event.listen(engine, "before_cursor_execute", _keep_line_ends, retval=True)

    @event.listens_for(engine, "connect")
    def init_session(connection: Any, _record: object) -> None:  # Any: a driver's connection is untyped
        with closing(connection.cursor()) as cursor:
            cursor.execute(SESSION[engine.dialect.name])
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def say_who_refused(context: ExceptionContext) -> None:
        if context.connection is None and not context.is_pre_ping:
            raise refused_connection(named, context.original_exception) from None
        misfit = unsuitable(named, context.original_exception)
        if misfit is not None:
            raise misfit from context.original_exception

    return engine


def rows_per_statement(where: Engine | Connection) -> int:
    """Return how many rows one statement may write there, as the engine was made."""
    return int(where.get_execution_options().get("rows_per_statement", ROWS_PER_STATEMENT))


def in_parts(where: Engine | Connection, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield the items as many at a time as one statement may write there."""
    size = rows_per_statement(where)
    return (items[start : start + size] for start in range(0, len(items), size))


@cache
def statement(name: str, dialect: str) -> TextClause:
    """Return the statement in `include/sql/<name>.sql`, or its twin for the dialect, without the header.

    The header is stripped because `:word` in a comment would be taken for a bind.
    """
    portable = SQL_FOLDER / f"{name}.sql"
    path = portable if portable.is_file() else SQL_FOLDER / f"{name}{SUFFIX[dialect]}"
    lines = path.read_text(encoding="utf-8").splitlines()
    return text("\n".join(line for line in lines if not line.lstrip().startswith("--")))


def run(connection: Connection, name: str, **binds: object) -> CursorResult[Any]:
    """Run the statement file `name` with these binds, in the caller's transaction.

    Any: the rows of a text have no type before `rows` gives them one.
    """
    typed = [bindparam(key, type_=Uuid()) for key, value in binds.items() if isinstance(value, UUID)]
    sent = {key: to_driver(value) for key, value in binds.items()}
    return connection.execute(statement(name, connection.dialect.name).bindparams(*typed), sent)


def rows(connection: Connection, kind: type[Row], name: str, /, **binds: object) -> list[Row]:
    """Return all rows of the statement file `name`, each as a `kind`: a dataclass whose fields are named as its columns.

    A field of type bool takes the statement's 0 or 1. Raises TypeError where columns and fields differ.
    """
    found = run(connection, name, **binds)
    make = _maker(kind, tuple(found.keys()))
    return [make(map(from_driver, one)) for one in found]


def row(connection: Connection, kind: type[Row], name: str, /, **binds: object) -> Row | None:
    """Return the only row of the statement file `name`, or None; raises MultipleResultsFound for more."""
    found = rows(connection, kind, name, **binds)
    if len(found) > 1:
        raise MultipleResultsFound(f"{name} found {len(found)} rows where one is the most")
    return found[0] if found else None


def only_row(connection: Connection, kind: type[Row], name: str, /, **binds: object) -> Row:
    """Return the row of a statement that always has one; raises NoResultFound or MultipleResultsFound otherwise."""
    found = row(connection, kind, name, **binds)
    if found is None:
        raise NoResultFound(f"{name} found no row where there is always one")
    return found


def exists(connection: Connection, name: str, **binds: object) -> bool:
    """Return whether the statement file `name` finds anything, whatever its columns are."""
    return run(connection, name, **binds).first() is not None


def values(connection: Connection, name: str, **binds: object) -> list[Any]:
    """Return the only column of the statement file `name`; its reader says of which type it is."""
    found = run(connection, name, **binds)
    if len(found.keys()) != 1:
        raise TypeError(f"{name} has the columns {', '.join(found.keys())} where one is wanted")
    return [from_driver(one) for one in found.scalars()]


def changed(connection: Connection, name: str, **binds: object) -> int:
    """Run the statement file `name` and return how many rows it changed.

    A file of several statements says so itself: its last one selects the number.
    """
    done = run(connection, name, **binds)
    count: int = done.scalar_one() if done.returns_rows else done.rowcount
    if count < 0:
        raise RuntimeError(f"the database did not say how many rows {name} changed; was NOCOUNT set for this login?")
    return count


def in_transaction(engine: Engine, work: Callable[[Connection], Result], *, give_up_after: float = 60.0) -> Result:
    """Run `work` in one transaction and return its result.

    A deadlock, a serialisation failure or a dropped connection rolls everything back and runs `work` again, with
    growing waits, for `give_up_after` seconds; then the error is raised.
    """
    give_up = stop_after_delay(give_up_after)
    for attempt in Retrying(
        retry=retry_if_exception(lambda error: is_transient(error) or is_collision(error)),
        stop=lambda state: give_up(state) or _keeps_colliding(state),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        before_sleep=before_sleep_log(log, logging.WARNING),
        reraise=True,
    ):
        with attempt, engine.begin() as connection:
            return work(connection)
    raise AssertionError("tenacity either returns or raises")


def database_clock(engine: Engine, *, give_up_after: float = 60.0) -> Callable[[], datetime]:
    """Return a clock that tells the database's time, in which the leases and budgets of all workers are compared.

    The database is asked once, for at most `give_up_after` seconds; from there on this machine's monotonic clock counts.
    Good for the life of a task.
    """

    def read(connection: Connection) -> tuple[datetime, float]:
        sent = time.monotonic()
        (moment,) = values(connection, "database/read_clock")
        return moment, (sent + time.monotonic()) / 2

    moment, at = in_transaction(engine, read, give_up_after=give_up_after)
    return lambda: utc_milliseconds(moment + timedelta(seconds=time.monotonic() - at))


@cache
def _maker(kind: type[Row], columns: tuple[str, ...]) -> Callable[[Iterable[object]], Row]:
    """Return what makes a `kind` of the values of one row with these columns."""
    if set(columns) != (wanted := {field.name for field in fields(kind)}):
        raise TypeError(f"{kind.__name__} has the fields {sorted(wanted)}, its statement the columns {sorted(columns)}")
    flags = {field.name for field in fields(kind) if field.type in ("bool", bool)}

    def make(values: Iterable[object]) -> Row:
        return kind(
            **{name: bool(value) if name in flags else value for name, value in zip(columns, values, strict=True)}
        )

    return make


def _keep_line_ends(
    _connection: Connection, _cursor: object, statement: str, binds: object, _context: object, _many: bool
) -> tuple[str, object]:
    return keep_line_ends(statement, binds) if isinstance(binds, dict) else (statement, binds)


def _keeps_colliding(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return error is not None and is_collision(error) and state.attempt_number >= COLLISION_TRIES

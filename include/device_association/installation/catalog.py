"""What a portal's database says about itself: columns, triggers, procedures, rights. Everything here reads only."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import DBAPIError, SAWarning

from device_association.database.dialects import SQL_SERVER, is_transient
from device_association.database.execution import exists, rows
from device_association.database.tables import OURS, PORTAL
from device_association.domain.errors import ConfigurationError
from device_association.installation.column_types import Column, make_type, type_of
from device_association.installation.migrate import current_revision, list_procedures

COLUMN_PARTS = ("list_columns", "list_column_details")
"""What has to be read before any table can be compared."""
Rows = TypeVar("Rows")


@dataclass(frozen=True, slots=True)
class Database:
    """The database and what the login may do in it; None: this kind of database knows no such thing."""

    database_name: str
    login_name: str
    collation_name: str | None
    compatibility_level: int | None
    reads_snapshots: int | None
    can_create_schema: bool
    can_create_table: bool
    can_create_view: bool
    can_create_procedure: bool
    can_change_dbo: bool


@dataclass(frozen=True, slots=True)
class ColumnDetails:
    """What the inspector does not see of a column; `second_digits`: how many digits of a second it keeps."""

    schema_name: str
    table_name: str
    column_name: str
    has_default: bool
    second_digits: int | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that is switched on; the catalogue names its table `dbo.<table>`."""

    table_name: str
    trigger_name: str
    is_instead_of: bool


@dataclass(frozen=True, slots=True)
class ObjectRights:
    """What the login may do with a table, view or procedure."""

    schema_name: str
    object_name: str
    can_select: bool
    can_insert: bool
    can_update: bool
    can_delete: bool
    can_execute: bool
    can_alter: bool

    @property
    def held(self) -> frozenset[str]:
        """The rights by their names in GRANT."""
        has = {
            "SELECT": self.can_select,
            "INSERT": self.can_insert,
            "UPDATE": self.can_update,
            "DELETE": self.can_delete,
            "EXECUTE": self.can_execute,
            "ALTER": self.can_alter,
        }
        return frozenset(right for right, is_held in has.items() if is_held)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The database as it is; `unread` says which parts could not be read, and why."""

    dialect: str
    database: Database | None
    columns: Mapping[str, Mapping[str, Column]]
    triggers: Sequence[Trigger]
    procedures: Mapping[str, Sequence[str | None]]
    rights: Mapping[str, frozenset[str]]
    revision: str | None
    reads_json: bool
    unread: Mapping[str, str] = field(default_factory=dict)

    def ours(self, name: str) -> str:
        """Return a name of ours as this database compares it."""
        return _spelling(name, self.dialect, self.database)


def read_catalogue(engine: Engine) -> Catalogue:
    """Read what the comparison needs; a part that this database or login refuses is left out and said to be unread."""
    unread: dict[str, str] = {}
    dialect = engine.dialect.name
    read = partial(_read, engine, unread)
    database = next(iter(read("find_database", lambda c: rows(c, Database, "installation/find_database"))), None)
    details = read("list_column_details", lambda c: rows(c, ColumnDetails, "installation/list_column_details"))
    triggers = read("list_triggers", lambda c: rows(c, Trigger, "installation/list_triggers"))
    found_procedures = read("list_procedures", list_procedures)
    rights = read("list_rights", lambda c: rows(c, ObjectRights, "installation/list_rights"))

    def theirs(name: str) -> str:
        return _spelling(name, dialect, database) if dialect == SQL_SERVER else name

    columns = {
        theirs(table): {theirs(one.name): one for one in found}
        for table, found in _read_columns(engine, database, details, unread).items()
    }
    procedures: dict[str, list[str | None]] = {}
    for procedure in found_procedures:
        procedures.setdefault(theirs(procedure.procedure_name), []).append(procedure.procedure_text)
    return Catalogue(
        dialect,
        database,
        columns,
        [replace(one, table_name=theirs(f"{PORTAL}.{one.table_name}")) for one in triggers],
        procedures,
        {theirs(f"{one.schema_name}.{one.object_name}"): one.held for one in rights},
        _read_revision(engine, unread) if "device_association.schema_version" in columns else None,
        bool(_read(engine, {}, "probe_json", lambda c: [exists(c, "installation/probe_json")])),
        unread,
    )


def _read_columns(
    engine: Engine, database: Database | None, details: Sequence[ColumnDetails], unread: dict[str, str]
) -> dict[str, list[Column]]:
    """Return the columns of each table and view `schema.name`, as SQLAlchemy's inspector finds them."""
    found: dict[str, list[Column]] = {}
    dialect = engine.dialect.name

    def key(*names: str) -> tuple[str, ...]:
        return tuple(_spelling(name, dialect, database) if dialect == SQL_SERVER else name for name in names)

    more = {key(one.schema_name, one.table_name, one.column_name): one for one in details}
    try:
        with engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # a type that the inspector doesn't know is told apart by itself
            for schema in (PORTAL, OURS):
                tables = inspect(connection).get_multi_columns(schema=schema, kind=ObjectKind.ANY)
                for (_, table), columns in tables.items():
                    found[f"{schema}.{table}"] = [
                        _column(one, more.get(key(schema, table, one["name"])), dialect, database) for one in columns
                    ]
    except (DBAPIError, ConfigurationError) as error:
        _note_unread("list_columns", error, unread)
    return found


def _read_revision(engine: Engine, unread: dict[str, str]) -> str | None:
    """Return our schema's version; a login that only works with our tables may not see it."""
    try:
        with engine.connect() as connection:
            return current_revision(connection)
    except ConfigurationError as error:
        unread["schema_version"] = str(error)
        return None


def _read(
    engine: Engine, unread: dict[str, str], part: str, read: Callable[[Connection], Sequence[Rows]]
) -> Sequence[Rows]:
    """Return the rows of a part, read in a transaction of its own; a refusal is kept, a lost connection is raised."""
    try:
        with engine.connect() as connection:
            return read(connection)
    except (DBAPIError, ConfigurationError) as error:
        _note_unread(part, error, unread)
        return []


def _note_unread(part: str, error: DBAPIError | ConfigurationError, unread: dict[str, str]) -> None:
    """Keep why a part could not be read; a lost connection is raised."""
    if is_transient(error):
        raise error
    unread[part] = " ".join(str(getattr(error, "orig", error)).split())


def _spelling(name: str, dialect: str, database: Database | None) -> str:
    """Return a name in lower case, except where SQL Server tells the cases apart."""
    collation = ((database and database.collation_name) or "").upper()
    exact = dialect == SQL_SERVER and ("_CS" in collation or "_BIN" in collation)
    return name if exact else name.lower()


def _column(found: ReflectedColumn, more: ColumnDetails | None, dialect: str, database: Database | None) -> Column:
    kind, digits = type_of(found["type"], dialect), more.second_digits if more else None
    if digits is not None and kind.size is None:  # the inspector leaves them out on SQL Server
        kind = make_type(kind.spelled, digits, None, dialect=dialect)
    collation = getattr(found["type"], "collation", None)
    usual = database.collation_name if database else None
    has_default = more is not None and more.has_default
    return Column(found["name"], kind, found["nullable"], has_default, collation if collation != usual else None)

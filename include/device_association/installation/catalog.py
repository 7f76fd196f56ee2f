"""What a portal's database says about itself: columns, triggers, procedures, rights. Everything here reads only."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import DBAPIError, SAWarning

from device_association.database.dialects import SQL_SERVER, is_transient
from device_association.database.execution import Record, records
from device_association.database.tables import OURS, PORTAL
from device_association.domain.errors import ConfigurationError
from device_association.installation.column_types import Column, make_type, type_of
from device_association.installation.migrate import current_revision

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "ALTER")
COLUMN_PARTS = ("list_columns", "list_column_details")
"""What has to be read before any table can be compared."""
_PARTS = ("column_details", "triggers", "procedures", "rights")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The database as it is; `unread` says which parts could not be read, and why."""

    dialect: str
    database: Record
    columns: Mapping[str, Mapping[str, Column]]
    triggers: Sequence[Record]
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
    database = next(iter(_read(engine, "find_database", unread)), {})
    parts = {part: _read(engine, f"list_{part}", unread) for part in _PARTS}

    def theirs(name: str) -> str:
        return _spelling(name, dialect, database) if dialect == SQL_SERVER else name

    columns = {
        theirs(table): {theirs(one.name): one for one in found}
        for table, found in _read_columns(engine, database, parts["column_details"], unread).items()
    }
    procedures: dict[str, list[str | None]] = {}
    for one in parts["procedures"]:
        procedures.setdefault(theirs(one["procedure_name"]), []).append(one["procedure_text"])
    revision = _read_revision(engine, unread) if "device_association.schema_version" in columns else None
    return Catalogue(
        dialect,
        database,
        columns,
        [dict(one) | {"table_name": theirs(f"dbo.{one['table_name']}")} for one in parts["triggers"]],
        procedures,
        {theirs(f"{one['schema_name']}.{one['object_name']}"): _rights(one) for one in parts["rights"]},
        revision,
        bool(_read(engine, "probe_json", {})),
        unread,
    )


def _read_columns(
    engine: Engine, database: Record, details: Sequence[Record], unread: dict[str, str]
) -> dict[str, list[Column]]:
    """Return the columns of each table and view `schema.name`, as SQLAlchemy's inspector finds them."""
    found: dict[str, list[Column]] = {}
    more = {(one["schema_name"], one["table_name"], one["column_name"]): one for one in details}
    try:
        with engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # a type that the inspector doesn't know is told apart by itself
            for schema in (PORTAL, OURS):
                tables = inspect(connection).get_multi_columns(schema=schema, kind=ObjectKind.ANY)
                for (_, table), columns in tables.items():
                    found[f"{schema}.{table}"] = [
                        _column(one, more.get((schema, table, one["name"]), {}), engine.dialect.name, database)
                        for one in columns
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


def _read(engine: Engine, name: str, unread: dict[str, str]) -> Sequence[Record]:
    """Return the rows of a statement in a transaction of its own; a refusal is kept, a lost connection is raised."""
    try:
        with engine.connect() as connection:
            return records(connection, f"installation/{name}")
    except (DBAPIError, ConfigurationError) as error:
        _note_unread(name, error, unread)
        return []


def _note_unread(part: str, error: DBAPIError | ConfigurationError, unread: dict[str, str]) -> None:
    """Keep why a part could not be read; a lost connection is raised."""
    if is_transient(error):
        raise error
    unread[part] = " ".join(str(getattr(error, "orig", error)).split())


def _spelling(name: str, dialect: str, database: Record) -> str:
    """Return a name in lower case, except where SQL Server tells the cases apart."""
    collation = str(database.get("collation_name") or "").upper()
    exact = dialect == SQL_SERVER and ("_CS" in collation or "_BIN" in collation)
    return name if exact else name.lower()


def _column(found: ReflectedColumn, more: Record, dialect: str, database: Record) -> Column:
    kind, digits = type_of(found["type"], dialect), more.get("second_digits")
    if digits is not None and kind.size is None:  # the inspector leaves them out on SQL Server
        kind = make_type(kind.spelled, digits, None, dialect=dialect)
    collation = getattr(found["type"], "collation", None)
    return Column(
        found["name"],
        kind,
        found["nullable"],
        bool(more.get("has_default")),
        collation if collation != database.get("collation_name") else None,
    )


def _rights(one: Record) -> frozenset[str]:
    return frozenset(right for right in RIGHTS if one[f"can_{right.lower()}"])

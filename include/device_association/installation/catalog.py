"""What a portal's database says about itself: columns, triggers, procedures, rights. Everything here reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from device_association.database.dialects import SQL_SERVER, is_transient
from device_association.database.execution import Record, records
from device_association.domain.errors import ConfigurationError
from device_association.installation.migrate import current_revision
from device_association.installation.sql_text import Column, make_type

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER")
_PARTS = ("columns", "triggers", "procedures", "rights")


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

    columns: dict[str, dict[str, Column]] = {}
    for one in parts["columns"]:
        table = columns.setdefault(theirs(f"{one['schema_name']}.{one['table_name']}"), {})
        table[theirs(one["column_name"])] = _column(one, dialect, database.get("collation_name"))
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
        if is_transient(error):
            raise
        unread[name] = " ".join(str(getattr(error, "orig", error)).split())
        return []


def _spelling(name: str, dialect: str, database: Record) -> str:
    """Return a name in lower case, except where SQL Server tells the cases apart."""
    collation = str(database.get("collation_name") or "").upper()
    exact = dialect == SQL_SERVER and ("_CS" in collation or "_BIN" in collation)
    return name if exact else name.lower()


def _column(one: Record, dialect: str, default_collation: str | None) -> Column:
    collation = one["collation_name"]
    return Column(
        one["column_name"],
        make_type(one["type_name"], one["size"], one["scale"], dialect=dialect),
        bool(one["is_nullable"]),
        bool(one["has_default"]),
        collation if collation != default_collation else None,
    )


def _rights(one: Record) -> frozenset[str]:
    return frozenset(right for right in RIGHTS if one[f"can_{right.lower()}"])

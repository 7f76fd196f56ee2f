"""Describes columns alike, whether `database.tables` declares them or a database's inspector finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Dialect, Table
from sqlalchemy.types import NullType, TypeEngine

from device_association.database.dialects import POSTGRESQL, SQL_SERVER

DIALECTS: dict[str, Dialect] = {name: URL.create(name).get_dialect()() for name in (POSTGRESQL, SQL_SERVER)}
_WHOLE, _TEXT, _INSTANT = "whole number", "text", "instant in UTC"
_SIZES = {"bit": 1, "tinyint": 2, "smallint": 3, "int": 4, "integer": 4, "bigint": 5}
_KINDS = dict.fromkeys(_SIZES, _WHOLE) | {
    **dict.fromkeys(("nvarchar", "varchar", "character varying"), _TEXT),
    **dict.fromkeys(("decimal", "numeric"), "decimal"),
    **dict.fromkeys(("datetime2", "datetime", "timestamptz", "timestamp with time zone"), _INSTANT),
    **dict.fromkeys(("uniqueidentifier", "uuid"), "guid"),
    **dict.fromkeys(("nchar", "char", "character"), "padded text"),
}
_SIZED = frozenset((_TEXT, _INSTANT, "decimal", "padded text"))
_UNSAID: dict[str, tuple[int, int | None]] = {_TEXT: (1, None), "padded text": (1, None), "decimal": (18, 0)}
"""What SQL Server takes where a declaration says no size."""


@dataclass(frozen=True, slots=True)
class SqlType:
    """A column's or a parameter's type: its kind, and how much it holds (None: no limit)."""

    spelled: str
    kind: str
    size: int | None = None
    scale: int | None = None

    def holds(self, other: SqlType) -> bool:
        """Whether every value of the other type, which is of the same kind, fits into this one."""
        if self.size is None:
            return True
        if other.size is None:
            return False
        mine, others = self.scale or 0, other.scale or 0
        return mine >= others and self.size - mine >= other.size - others


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is declared or as a database has it."""

    name: str
    type: SqlType
    nullable: bool
    has_default: bool
    collation: str | None = None


def make_type(name: str, size: int | str | None, scale: int | str | None, *, dialect: str) -> SqlType:
    """Return the type of that name in that database; -1 or MAX characters are no limit."""
    name = name.strip().lower()
    kind = _TEXT if name == "text" and dialect != SQL_SERVER else _KINDS.get(name, name)
    if kind == _WHOLE:
        return SqlType(name, kind, _SIZES[name])
    if size is None and dialect == SQL_SERVER:
        size, scale = _UNSAID.get(kind, (None, None))
    if size is None or kind not in _SIZED:
        return SqlType(name, kind)
    if not str(size).isdigit():
        return SqlType(f"{name}(max)", kind)
    if kind == "decimal":
        return SqlType(f"{name}({size}, {scale or 0})", kind, int(size), int(scale or 0))
    return SqlType(name if name == "datetime" else f"{name}({size})", kind, int(size))


def type_of(kind: TypeEngine[Any], dialect: str) -> SqlType:
    """Return how that database describes a type of SQLAlchemy, declared or found."""
    if isinstance(kind, NullType):
        return SqlType("of a type that is not known here", "unknown")
    name, _, rest = kind.compile(dialect=DIALECTS[dialect]).lower().partition("(")
    size, _, scale = rest.partition(")")[0].partition(", ")
    name = "timestamptz" if "with time zone" in name + rest else name.partition(" collate ")[0]
    return make_type(name, size or None, scale or None, dialect=dialect)


def declared_columns(table: Table, dialect: str) -> dict[str, Column]:
    """Return the columns of a table as it is declared, by name."""
    return {
        one.name: Column(
            one.name,
            type_of(one.type, dialect),
            bool(one.nullable),
            has_default=one.server_default is not None or one.identity is not None,
        )
        for one in table.columns
    }

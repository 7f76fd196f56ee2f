"""The vocabulary in which our tables are declared: named column types, and the shapes in which columns and rules come.

No name is quoted, so PostgreSQL folds it to lower case and SQL Server keeps it as it is spelled. Keys and rules have no names
of ours: each database makes its own, as it always did.
"""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import quoted_name
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from device_association.database.dialects import POSTGRESQL, SQL_SERVER

METADATA = sa.MetaData()
ONLY = "only"
Part = TypeVar("Part", sa.UniqueConstraint, sa.ForeignKeyConstraint, sa.CheckConstraint, sa.Index)

INT, BIGINT, SMALLINT = sa.Integer(), sa.BigInteger(), sa.SmallInteger()
DATE, GUID, HASH, LONG_TEXT = sa.DATE(), sa.Uuid(), sa.CHAR(64), sa.Text().with_variant(mssql.NVARCHAR(), SQL_SERVER)
FLAG = sa.SmallInteger().with_variant(mssql.BIT(), SQL_SERVER)
INSTANT = (
    sa.DateTime(timezone=True)
    .with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), POSTGRESQL)
    .with_variant(mssql.DATETIME2(3), SQL_SERVER)  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it
)
"""A moment in UTC, to the millisecond."""


def text(length: int) -> TypeEngine[str]:
    """Return the type of text of at most so many characters."""
    return sa.String(length).with_variant(mssql.NVARCHAR(length), SQL_SERVER)


def ascii_text(length: int) -> TypeEngine[str]:
    """Return the type of text that never leaves ASCII, which takes a byte a character on SQL Server too."""
    return sa.String(length)


def amount(decimals: int = 4) -> TypeEngine[Any]:
    """Return the type of money, quantities and megabytes: 25 digits, so many of them behind the point."""
    return sa.DECIMAL(25, decimals)


class EachInItsWords(sa.ColumnElement[Any]):
    """SQL inside a declaration that each database needs in its own words; printed, it has PostgreSQL's."""

    inherit_cache = False

    def __init__(self, *, postgresql: str, mssql: str) -> None:
        self.words = {POSTGRESQL: postgresql, SQL_SERVER: mssql}


@compiles(EachInItsWords)
def _compile(element: EachInItsWords, compiler: SQLCompiler, **_: Any) -> str:
    return element.words.get(compiler.dialect.name, element.words[POSTGRESQL])


NOW = EachInItsWords(postgresql="CURRENT_TIMESTAMP", mssql="SYSUTCDATETIME()")


def table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """Declare the table `schema.name`."""
    schema, _, own = name.partition(".")
    return sa.Table(quoted_name(own, quote=False), METADATA, *parts, schema=quoted_name(schema, quote=False))


def required(
    name: str, kind: TypeEngine[Any], to: str | None = None, *, default: str | EachInItsWords | None = None
) -> sa.Column[Any]:
    """Return a column that takes no NULL; `to` is the column `schema.table.column` that it refers to."""
    return _column(name, kind, to, nullable=False, server_default=_default(default))


def optional(name: str, kind: TypeEngine[Any], to: str | None = None) -> sa.Column[Any]:
    """Return a column that takes NULL."""
    return _column(name, kind, to, nullable=True)


def key(name: str, kind: TypeEngine[Any], to: str | None = None, *, default: str | None = None) -> sa.Column[Any]:
    """Return a column of the primary key, whose value the writer knows."""
    return _column(
        name, kind, to, nullable=False, primary_key=True, autoincrement=False, server_default=_default(default)
    )


def numbered(kind: TypeEngine[Any]) -> sa.Column[Any]:
    """Return the primary key `id`, which the database counts."""
    return sa.Column(quoted_name("id", quote=False), kind, sa.Identity(start=1, increment=1), primary_key=True)


def flag(name: str, *, default: int | None = None) -> tuple[sa.Column[Any], sa.CheckConstraint]:
    """Return a column of 0 or 1 and the rule that PostgreSQL needs for it."""
    column = required(name, FLAG, default=None if default is None else str(default))
    return column, check(f"{name} IN (0, 1)", only=POSTGRESQL)


def audit() -> list[sa.schema.SchemaItem]:
    """Return the six columns with which each of the portal's tables ends."""
    return [
        required("CreatedBy", text(100), default="'system'"),
        required("CreatedDate", INSTANT, default=NOW),
        optional("ModifiedBy", text(100)),
        optional("ModifiedDate", INSTANT),
        *flag("IsActive", default=1),
        *flag("IsDeleted", default=0),
    ]


def unique(*columns: str, nulls_are_equal: bool = False, only: str | None = None) -> sa.UniqueConstraint:
    """Return a unique key; SQL Server always takes nulls as equal."""
    return _limited(sa.UniqueConstraint(*columns, postgresql_nulls_not_distinct=nulls_are_equal or None), only)


def primary_key(*columns: str) -> sa.PrimaryKeyConstraint:
    """Return a primary key whose columns are not in the table's order."""
    return sa.PrimaryKeyConstraint(*columns)


def foreign_key(
    columns: list[str], to: list[str], *, cascades: bool = False, only: str | None = None
) -> sa.ForeignKeyConstraint:
    """Return a foreign key of several columns, or one that only one of the databases has."""
    return _limited(sa.ForeignKeyConstraint(columns, to, ondelete="CASCADE" if cascades else None), only)


def check(rule: str | EachInItsWords, *, only: str | None = None) -> sa.CheckConstraint:
    """Return a rule that each row keeps."""
    return _limited(sa.CheckConstraint(rule), only)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """Return the check that a column is one of these texts."""
    listed = ", ".join(f"'{value}'" for value in values)
    return check(f"{column} IN ({listed})")


def exactly_when(rule: str, other: str, *, unless: str, without: str) -> sa.CheckConstraint:
    """Return the check that a rule holds exactly when the other does; `unless` and `without` are their negations.

    PostgreSQL compares the two; SQL Server has no value for a condition.
    """
    return check(
        EachInItsWords(postgresql=f"({rule}) = ({other})", mssql=f"({rule} AND {other}) OR ({unless} AND {without})")
    )


def both_or_none(one: str, other: str) -> sa.CheckConstraint:
    """Return the check that two columns are NULL together."""
    return exactly_when(
        f"{one} IS NULL", f"{other} IS NULL", unless=f"{one} IS NOT NULL", without=f"{other} IS NOT NULL"
    )


def index(
    name: str, *columns: str, only: str | None = None, is_unique: bool = False, where: str | None = None
) -> sa.Index:
    """Return an index, of some rows only where there is a condition; an expression stands in brackets."""
    parts = [sa.text(column) if column.startswith("(") else column for column in columns]
    condition = None if where is None else sa.text(where)
    return _limited(sa.Index(name, *parts, unique=is_unique, postgresql_where=condition, mssql_where=condition), only)


def is_of(part: sa.Constraint | sa.Index, dialect: str) -> bool:
    """Whether that database has this key, rule or index."""
    return part.info.get(ONLY) in (None, dialect)


def _limited(part: Part, only: str | None) -> Part:
    """Return a key, rule or index that only one of the databases has."""
    if only is not None:
        part.info[ONLY] = only
        part.ddl_if(dialect=only)
    return part


def _default(default: str | EachInItsWords | None) -> Any:
    return sa.text(default) if isinstance(default, str) else default


def _column(name: str, kind: TypeEngine[Any], to: str | None, **options: Any) -> sa.Column[Any]:
    references = [] if to is None else [sa.ForeignKey(to)]
    return sa.Column(quoted_name(name, quote=False), kind, *references, **options)

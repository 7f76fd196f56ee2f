"""The column types and shapes of the first tables, as they were when these were written out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mssql, postgresql
from sqlalchemy.sql import quoted_name

POSTGRESQL, SQL_SERVER = "postgresql", "mssql"
INT, BIGINT, SMALLINT = sa.Integer(), sa.BigInteger(), sa.SmallInteger()
DATE, GUID, HASH, LONG_TEXT = sa.DATE(), sa.Uuid(), sa.CHAR(64), sa.Text().with_variant(mssql.NVARCHAR(), SQL_SERVER)
FLAG = sa.SmallInteger().with_variant(mssql.BIT(), SQL_SERVER)
INSTANT = (
    sa.DateTime(timezone=True)
    .with_variant(postgresql.TIMESTAMP(timezone=True, precision=3), POSTGRESQL)
    .with_variant(mssql.DATETIME2(3), SQL_SERVER)  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it
)
Kind = sa.types.TypeEngine[Any]


def text(length: int) -> Kind:
    return sa.String(length).with_variant(mssql.NVARCHAR(length), SQL_SERVER)


def ascii_text(length: int) -> Kind:
    return sa.String(length)


def amount(decimals: int = 4) -> Kind:
    return sa.DECIMAL(25, decimals)


def is_on(dialect: str | None) -> bool:
    """Whether the migration runs on that database; None: on either."""
    return dialect in (None, op.get_context().dialect.name)


def in_words(*, postgresql: str, mssql: str) -> str:
    """Return SQL in the words of the database on which the migration runs."""
    return postgresql if is_on(POSTGRESQL) else mssql


def plain(name: str) -> quoted_name:
    """Return a name that is written without quotes."""
    return quoted_name(name, quote=False)


def create_table(name: str, *parts: sa.schema.SchemaItem | None) -> None:
    """Create the table `schema.name`; a part that is None is the other database's."""
    schema, _, own = name.partition(".")
    op.create_table(plain(own), *(part for part in parts if part is not None), schema=plain(schema))


def create_index(
    name: str, table: str, *columns: str, only: str | None = None, is_unique: bool = False, where: str | None = None
) -> None:
    """Create an index; an expression stands in brackets."""
    if is_on(only):
        schema, _, own = table.partition(".")
        parts = [sa.text(column) if column.startswith("(") else plain(column) for column in columns]
        condition = None if where is None else sa.text(where)
        options: dict[str, Any] = {"postgresql_where": condition, "mssql_where": condition}
        op.create_index(name, plain(own), parts, schema=plain(schema), unique=is_unique, **options)


def required(name: str, kind: Kind, to: str | None = None, *, default: str | None = None) -> sa.Column[Any]:
    given = None if default is None else sa.text(default)
    return sa.Column(plain(name), kind, *_references(to), nullable=False, server_default=given)


def optional(name: str, kind: Kind, to: str | None = None) -> sa.Column[Any]:
    return sa.Column(plain(name), kind, *_references(to), nullable=True)


def key(name: str, kind: Kind, to: str | None = None, *, default: str | None = None) -> sa.Column[Any]:
    start = None if default is None else sa.text(default)
    return sa.Column(
        plain(name), kind, *_references(to), nullable=False, primary_key=True, autoincrement=False, server_default=start
    )


def numbered(kind: Kind) -> sa.Column[Any]:
    return sa.Column(plain("id"), kind, sa.Identity(start=1, increment=1), primary_key=True)


def flag(name: str, *, default: int | None = None) -> tuple[sa.Column[Any], sa.CheckConstraint | None]:
    column = required(name, FLAG, default=None if default is None else str(default))
    return column, check(f"{name} IN (0, 1)", only=POSTGRESQL)


def audit() -> list[sa.schema.SchemaItem | None]:
    return [
        required("CreatedBy", text(100), default="'system'"),
        required("CreatedDate", INSTANT, default=in_words(postgresql="CURRENT_TIMESTAMP", mssql="SYSUTCDATETIME()")),
        optional("ModifiedBy", text(100)),
        optional("ModifiedDate", INSTANT),
        *flag("IsActive", default=1),
        *flag("IsDeleted", default=0),
    ]


def unique(*columns: str, nulls_are_equal: bool = False, only: str | None = None) -> sa.UniqueConstraint | None:
    return sa.UniqueConstraint(*columns, postgresql_nulls_not_distinct=nulls_are_equal or None) if is_on(only) else None


def primary_key(*columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns)


def foreign_key(
    columns: list[str], to: list[str], *, cascades: bool = False, only: str | None = None
) -> sa.ForeignKeyConstraint | None:
    if not is_on(only):
        return None
    return sa.ForeignKeyConstraint(columns, _columns_of(to), ondelete="CASCADE" if cascades else None)


def check(rule: str, *, only: str | None = None) -> sa.CheckConstraint | None:
    return sa.CheckConstraint(rule) if is_on(only) else None


def one_of(column: str, *values: str) -> sa.CheckConstraint | None:
    listed = ", ".join(f"'{value}'" for value in values)
    return check(f"{column} IN ({listed})")


def exactly_when(rule: str, other: str, *, unless: str, without: str) -> sa.CheckConstraint | None:
    return check(
        in_words(postgresql=f"({rule}) = ({other})", mssql=f"({rule} AND {other}) OR ({unless} AND {without})")
    )


def both_or_none(one: str, other: str) -> sa.CheckConstraint | None:
    return exactly_when(
        f"{one} IS NULL", f"{other} IS NULL", unless=f"{one} IS NOT NULL", without=f"{other} IS NOT NULL"
    )


def _references(to: str | None) -> list[sa.ForeignKey]:
    return [] if to is None else [sa.ForeignKey(_columns_of([to])[0])]


def _columns_of(names: list[str]) -> list[sa.Column[Any]]:
    """Return columns `schema.table.column` of one table to refer to; given as text, Alembic would quote their names."""
    schema, own, _ = names[0].split(".")
    columns = [sa.Column(plain(name.rpartition(".")[2]), sa.types.NULLTYPE) for name in names]
    return list(sa.Table(plain(own), sa.MetaData(), *columns, schema=plain(schema)).columns)

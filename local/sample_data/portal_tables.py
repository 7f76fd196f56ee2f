"""The portal's tables by name on either database, for who fills, empties or reads them from outside the product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, TableClause, column, table, text
from sqlalchemy.sql import quoted_name

from device_association.database.dialects import SQL_SERVER
from device_association.database.tables.columns import METADATA


def table_names() -> list[str]:
    """Return every table with its schema, those first that others refer to."""
    return [f"{table.schema}.{table.name}" for table in METADATA.sorted_tables]


def named(name: str, *columns: str) -> TableClause:
    """Return the table `schema.name` with these columns, for statements on either database: no name is quoted."""
    schema, _, own = name.partition(".")
    return table(_plain(own), *(column(_plain(one)) for one in columns), schema=_plain(schema))


def empty(connection: Connection) -> None:
    """Delete every row of every table."""
    names = table_names()
    if connection.dialect.name == SQL_SERVER:
        for name in reversed(names):
            connection.execute(named(name).delete())
    else:
        connection.execute(text(f"TRUNCATE {', '.join(names)} CASCADE"))


@contextmanager
def numbering(connection: Connection, name: str, *, last_id: int, numbers_itself: bool = True) -> Iterator[None]:
    """Let rows of a table that numbers its rows be inserted with ids; afterwards it goes on behind `last_id`."""
    if numbers_itself and connection.dialect.name == SQL_SERVER:
        connection.execute(text(f"SET IDENTITY_INSERT {name} ON"))
        yield
        connection.execute(text(f"SET IDENTITY_INSERT {name} OFF"))
    elif numbers_itself:
        yield
        connection.execute(
            text("SELECT SETVAL(PG_GET_SERIAL_SEQUENCE(:name, 'id'), :last)"), {"name": name.lower(), "last": last_id}
        )
    else:
        yield


def _plain(name: str) -> quoted_name:
    return quoted_name(name, quote=False)

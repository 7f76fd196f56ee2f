"""An upgrade from empty makes the tables that are declared, on either database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import URL, CheckConstraint, Connection, Engine, ForeignKeyConstraint, Table, UniqueConstraint, inspect

from device_association.database.dialects import POSTGRESQL
from device_association.database.tables import OURS, PORTAL
from device_association.database.tables.columns import METADATA, is_of
from device_association.installation.catalog import read_catalogue
from device_association.installation.column_types import declared_columns
from device_association.installation.requirements import COUNTS, COUNTS_COLUMNS
from tests.databases import clone

CATALOGUE = {
    "columns": """
        SELECT t.oid::regclass::text, a.attname, FORMAT_TYPE(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
            PG_GET_EXPR(d.adbin, d.adrelid)
        FROM pg_attribute AS a
        INNER JOIN pg_class AS t ON a.attrelid = t.oid AND t.relkind = 'r'
        LEFT JOIN pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE t.relnamespace::regnamespace::text IN ('dbo', 'device_association') AND a.attnum > 0""",
    "constraints": """
        SELECT k.conrelid::regclass::text, k.conname, PG_GET_CONSTRAINTDEF(k.oid) FROM pg_constraint AS k
        WHERE k.connamespace::regnamespace::text IN ('dbo', 'device_association')""",
    "indexes": """
        SELECT i.indrelid::regclass::text, PG_GET_INDEXDEF(i.indexrelid) FROM pg_index AS i
        INNER JOIN pg_class AS t ON i.indrelid = t.oid
        WHERE t.relnamespace::regnamespace::text IN ('dbo', 'device_association')""",
}
VERSION = "device_association.schema_version"


def catalogue(connection: Connection, part: str) -> list[tuple[Any, ...]]:
    """Return what PostgreSQL says about each table, with names and expressions as it keeps them."""
    found = connection.exec_driver_sql(CATALOGUE[part]).all()
    return sorted((tuple(one) for one in found if one[0] != VERSION), key=repr)


@pytest.mark.parametrize("part", CATALOGUE)
def test_upgrade_makes_to_the_letter_what_is_declared_on_postgresql(
    server: URL, empty_template: str, part: str
) -> None:
    with clone(server, empty_template) as upgraded, clone(server, "template0") as declared:
        with declared.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA dbo; CREATE SCHEMA device_association")
            METADATA.create_all(connection)
        with upgraded.connect() as one, declared.connect() as other:
            made = catalogue(one, part)
            assert len(made) > 50
            assert made == catalogue(other, part)


def keys(table: Table, dialect: str) -> dict[str, Any]:
    """Return a table's keys and indexes as they are declared, by their columns."""
    constraints = [one for one in table.constraints if is_of(one, dialect)]
    indexes = [one for one in table.indexes if is_of(one, dialect)]
    return {
        "primary": lower(column.name for column in table.primary_key),
        "foreign": {
            (lower(one.column_keys), f"{one.referred_table.schema}.{one.referred_table.name}".lower())
            for one in constraints
            if isinstance(one, ForeignKeyConstraint)
        },
        "unique": {lower(one.columns.keys()) for one in constraints if isinstance(one, UniqueConstraint)}
        | {lower(one.columns.keys()) for one in indexes if one.unique},
        "indexes": {lower(one.columns.keys()) for one in indexes if not one.unique},
    }


def found_keys(engine: Engine, table: Table) -> dict[str, Any]:
    """Return a table's keys and indexes as the database has them; unique keys are indexes on both."""
    looks, place = inspect(engine), own_name(engine, table)
    indexes = looks.get_indexes(*place)
    return {
        "primary": found_primary_key(engine, table),
        "foreign": found_foreign_keys(engine, table),
        "unique": {lower(filter(None, one["column_names"])) for one in indexes if one["unique"]},
        "indexes": {lower(filter(None, one["column_names"])) for one in indexes if not one["unique"]},
    }


def found_primary_key(engine: Engine, table: Table) -> tuple[str, ...]:
    if engine.dialect.name == POSTGRESQL:
        return lower(inspect(engine).get_pk_constraint(*own_name(engine, table))["constrained_columns"])
    with engine.connect() as connection:
        return lower(
            connection.exec_driver_sql(
                "SELECT COL_NAME(i.object_id, c.column_id) FROM sys.indexes AS i "
                "INNER JOIN sys.index_columns AS c ON i.object_id = c.object_id AND i.index_id = c.index_id "
                f"WHERE i.is_primary_key = 1 AND i.object_id = OBJECT_ID('{table.fullname}') ORDER BY c.key_ordinal"
            ).scalars()
        )


def found_foreign_keys(engine: Engine, table: Table) -> set[tuple[tuple[str, ...], str]]:
    """Return a table's foreign keys; what SQLAlchemy reads on SQL Server is not there on its stand-in."""
    if engine.dialect.name == POSTGRESQL:
        return {
            (lower(one["constrained_columns"]), f"{one['referred_schema']}.{one['referred_table']}".lower())
            for one in inspect(engine).get_foreign_keys(*own_name(engine, table))
        }
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT k.constraint_object_id, COL_NAME(k.parent_object_id, k.parent_column_id), "
            "OBJECT_SCHEMA_NAME(k.referenced_object_id), OBJECT_NAME(k.referenced_object_id) "
            "FROM sys.foreign_key_columns AS k "
            f"WHERE k.parent_object_id = OBJECT_ID('{table.fullname}') "
            "ORDER BY k.constraint_object_id, k.constraint_column_id"
        ).all()
    columns: dict[int, list[str]] = {}
    for key, column, _, _ in found:
        columns.setdefault(key, []).append(column)
    return {(lower(columns[key]), f"{schema}.{name}".lower()) for key, _, schema, name in found}


def own_name(engine: Engine, table: Table) -> tuple[str, str]:
    """Return a table's name and schema as the database keeps them."""
    return table.name.lower() if engine.dialect.name == POSTGRESQL else table.name, str(table.schema)


def count_checks(engine: Engine, table: Table) -> int:
    """Return how many checks a table has; SQL Server's inspector doesn't say."""
    if engine.dialect.name == POSTGRESQL:
        return len(inspect(engine).get_check_constraints(*own_name(engine, table)))
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            f"SELECT COUNT(*) FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID('{table.fullname}')"
        )
        return int(found.scalar_one())


def lower(names: Any) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def test_upgrade_makes_the_declared_columns_and_no_more(empty_portal: Engine) -> None:
    found = read_catalogue(empty_portal)
    tables = {found.ours(name): table for name, table in METADATA.tables.items()}
    views = {name for name in found.columns if name not in tables} - {found.ours(VERSION)}
    assert views == {
        found.ours(f"{schema}.{view}")
        for schema in (PORTAL, OURS)
        for view in inspect(empty_portal).get_view_names(schema)
    }
    assert set(found.columns[found.ours(COUNTS)]) == {found.ours(one) for one in COUNTS_COLUMNS}
    for name, table in tables.items():
        declared = declared_columns(table, empty_portal.dialect.name)
        there = found.columns[name]
        assert set(there) == {found.ours(column) for column in declared}, name
        for column in declared.values():
            one = there[found.ours(column.name)]
            assert (one.nullable, one.has_default) == (column.nullable, column.has_default), (name, column)
            assert (one.type.kind, one.type.size, one.type.scale) == (
                column.type.kind,
                column.type.size,
                column.type.scale,
            ), (name, column)


def test_upgrade_makes_the_declared_keys_and_indexes(empty_portal: Engine) -> None:
    for name, table in METADATA.tables.items():
        assert found_keys(empty_portal, table) == keys(table, empty_portal.dialect.name), name


def test_upgrade_makes_as_many_checks_as_are_declared(empty_portal: Engine) -> None:
    for name, table in METADATA.tables.items():
        checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        checks = [one for one in checks if is_of(one, empty_portal.dialect.name)]
        assert count_checks(empty_portal, table) == len(checks), name

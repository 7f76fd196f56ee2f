"""The first revisions make what is declared, and stay as they were published."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.execution import SQL_FOLDER
from device_association.database.tables import OURS, PORTAL
from device_association.database.tables.columns import METADATA, is_of
from device_association.installation.migrate import MIGRATIONS
from device_association.installation.migrations import initial
from device_association.installation.migrations.initial import (
    changes,
    lines,
    operation,
    portal_changes,
    portal_customers,
    portal_devices,
    portal_tenants,
    requests,
)

INITIAL = (portal_tenants, portal_customers, portal_devices, portal_changes, changes, requests, lines, operation)
CHANGED_SINCE: frozenset[str] = frozenset()
"""Tables that a later revision changes or creates: only a database says what they are (tests/sql/test_tables.py)."""
RECORDED = {
    "0001": "c7b9531282aad18b9cd73b0714a5a526d41f5fee09e0d96a0e98aebe7dcf2c32",
    "0002": "66aff41f4d2d5b5b16286e1c3ce0a777786481b04cfbf8cef8c918db603079cf",
    "0003": "da449490060e5392aa05d920de483708e44952ca5514cf7a5e559cbde3c6219a",
    "initial": "5cd9e8342e107b063ed0a6e888b55c0c521c76b5ba3e41586ea56782bea52fa2",
}
"""The hash of each published revision's files: its module, its views, and for the first two the tables of `initial`."""


def rendered(dialect: str) -> set[str]:
    """Return the DDL of the first revisions' tables and indexes as Alembic renders it without a database."""
    output = io.StringIO()
    context = MigrationContext.configure(dialect_name=dialect, opts={"as_sql": True, "output_buffer": output})
    with Operations.context(context):
        for module in INITIAL:
            for create in module.TABLES:
                create()
    statements = output.getvalue().replace("GO\n", "").split(";\n")
    return {" ".join(one.split()) for one in statements if one.strip()}


def declared(dialect: str) -> set[str]:
    """Return the DDL of the tables and indexes as they are declared."""
    context = MigrationContext.configure(dialect_name=dialect)
    tables = METADATA.sorted_tables
    made: list[ExecutableDDLElement] = [
        *(CreateTable(table) for table in tables),
        *(CreateIndex(index) for table in tables for index in table.indexes if is_of(index, dialect)),
    ]
    return {" ".join(str(one.compile(dialect=context.dialect)).split()) for one in made}


def of_unchanged_tables(statements: set[str]) -> set[str]:
    return {one for one in statements if not any(f" {table} (" in one for table in CHANGED_SINCE)}


@pytest.mark.parametrize("dialect", [POSTGRESQL, SQL_SERVER])
def test_first_revisions_render_the_declared_tables(dialect: str) -> None:
    made = rendered(dialect)
    assert len(made) > 90
    assert of_unchanged_tables(made) == of_unchanged_tables(declared(dialect))


def test_no_revision_imports_the_declared_tables() -> None:
    files = [*(MIGRATIONS / "versions").glob("*.py"), *Path(initial.__path__[0]).glob("*.py")]
    assert len(files) > len(INITIAL)
    assert [file.name for file in files if "import device_association.database" in file.read_text("utf-8")] == []
    assert [file.name for file in files if "from device_association.database" in file.read_text("utf-8")] == []


def test_no_table_of_ours_refers_to_one_of_the_portal_s() -> None:
    ours = [table for table in METADATA.tables.values() if table.schema == OURS]
    assert ours
    assert [key for table in ours for key in table.foreign_keys if key.column.table.schema == PORTAL] == []


def published() -> dict[str, str]:
    """Return the hash of each revision's files as they are."""
    revisions = {
        revision.revision: [*(MIGRATIONS / "versions").glob(f"{revision.revision}_*.py"), *views(revision.revision)]
        for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    }
    revisions["initial"] = [*(MIGRATIONS / "initial").glob("*.py")]
    return {name: digest(sorted(files)) for name, files in sorted(revisions.items())}


def views(revision: str) -> list[Path]:
    return [*(SQL_FOLDER / "views").glob(f"{revision}_*.sql")]


def digest(files: list[Path]) -> str:
    assert files
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def test_published_revisions_stay_as_they_are() -> None:
    assert published() == RECORDED, (
        "a revision that somebody may have run is never edited: write a new one, and record its hash here"
    )


def test_every_view_belongs_to_a_revision() -> None:
    revisions = {revision.revision for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    assert {file.name.partition("_")[0] for file in (SQL_FOLDER / "views").glob("*.sql")} <= revisions

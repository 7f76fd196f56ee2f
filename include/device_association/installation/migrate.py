"""Builds the portal's schema on an empty installation, and upgrades ours on any.

Run it with `python -m device_association migrate`. The tables are in `installation/migrations`, views and procedures in
`include/sql/views` and `include/sql/procedures`; Alembic decides what has still to run. A portal that is there already is
adopted: its tables count as revision 0001, and are never touched (`device_association.installation.adopt`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from device_association.database.dialects import SQL_SERVER
from device_association.database.execution import make_engine, rows
from device_association.database.tables import OURS, PORTAL
from device_association.database.tables.columns import METADATA
from device_association.domain.errors import ConfigurationError
from device_association.installation.sql_files import bare_name, sql_files

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "schema_version"
PORTAL_TABLES = "0001"
"""The revision of a database that has the portal's tables and nothing of ours."""
MARKER = "Installed by device_association"
"""What the text of each procedure of ours says; without it the procedure is the portal's."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Procedure:
    """A stored procedure; its text is None where the login may not see it."""

    procedure_name: str
    procedure_text: str | None


def upgrade(url: str) -> None:
    """Bring the database at this SQLAlchemy URL to the newest schema; two at once wait for each other.

    Raises ConfigurationError for a portal that was not adopted: its tables are there, and no version of ours.
    """

    def refuse(connection: Connection) -> None:
        there = {name.lower() for name in inspect(connection).get_table_names(schema=PORTAL)}
        if there & {table.name.lower() for table in METADATA.tables.values() if table.schema == PORTAL}:
            raise ConfigurationError(
                "this database has a portal's tables, which we did not make; nothing was changed. To adopt it, run "
                "`python -m device_association adopt`, which says what differs and changes nothing by itself"
            )

    engine = make_engine(url)
    try:
        migrate(engine, first=refuse)
    finally:
        engine.dispose()


def adopt(engine: Engine, additions: Sequence[Callable[[Connection], None]]) -> None:
    """Add our schema and what is missing of the procedures to a portal that is there, in one transaction.

    The additions run first; nothing of the portal's is changed, and its own procedures stay.
    """

    def keep_theirs(connection: Connection) -> None:
        command.stamp(_config(connection), PORTAL_TABLES)

    migrate(engine, first=keep_theirs, additions=additions)


def migrate(
    engine: Engine, *, first: Callable[[Connection], None], additions: Sequence[Callable[[Connection], None]] = ()
) -> None:
    """Run what has still to run in one transaction; `first` is called on a database that no version of ours has seen."""
    with engine.begin() as connection:
        _lock(connection)
        _make_schema(connection)
        if current_revision(connection) is None:
            first(connection)
        for add in additions:
            add(connection)
        command.upgrade(_config(connection), "head")


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the database, None where it has none."""
    options = {"version_table": VERSION_TABLE, "version_table_schema": OURS}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def newest_revision() -> str | None:
    """Return the revision of this checkout."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def run_scripts(connection: Connection, folder: str, pattern: str) -> None:
    """Run the scripts of `include/sql/<folder>` that match, in the order of their names, for the connection's dialect.

    A line GO ends a batch of a script for SQL Server, as in its own tools.
    """
    scripts = sql_files(connection.dialect.name, folder, pattern)
    if not scripts:
        raise ConfigurationError(f"no script {folder}/{pattern}; the checkout is not complete")
    for script in scripts:
        for batch in re.split(r"^GO$", script.read_text(encoding="utf-8"), flags=re.MULTILINE):
            connection.exec_driver_sql(batch if connection.dialect.name == SQL_SERVER else batch.replace("%", "%%"))


def list_procedures(connection: Connection) -> list[Procedure]:
    """Return the stored procedures of the portal's schema."""
    return rows(connection, Procedure, "installation/list_procedures")


def install_procedures(connection: Connection, *, replace: bool = False) -> None:
    """Install the stored procedures in the form of this checkout.

    One of the same name that somebody else installed is left alone, unless told to `replace` it.
    """
    installed = list_procedures(connection)
    for name in map(bare_name, sql_files(connection.dialect.name, "procedures")):
        there = [one.procedure_text for one in installed if one.procedure_name.lower() == name.lower()]
        if replace or all(MARKER in (text or "") for text in there):
            run_scripts(connection, "procedures", f"{name}.*")
        else:
            log.warning("dbo.%s is the portal's own and is left alone", name)


def reinstall_procedures(engine: Engine) -> None:
    """Install the stored procedures anew, in the form of this checkout; the portal's own of these names are replaced."""
    with engine.begin() as connection:
        install_procedures(connection, replace=True)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _lock(connection: Connection) -> None:
    if connection.dialect.name == SQL_SERVER:
        connection.exec_driver_sql(
            "EXEC sp_getapplock @Resource = 'device_association.schema', @LockMode = 'Exclusive', @LockTimeout = 60000"
        )
    else:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20261124)")


def _make_schema(connection: Connection) -> None:
    """Make the schema of our own tables: Alembic keeps its version there before the first migration has run."""
    if connection.dialect.name == SQL_SERVER:
        connection.exec_driver_sql(f"IF SCHEMA_ID('{OURS}') IS NULL EXEC ('CREATE SCHEMA {OURS}')")
    else:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {OURS}")

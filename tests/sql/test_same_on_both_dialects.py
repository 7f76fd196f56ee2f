"""The same world and the same request leave the same rows behind on PostgreSQL and on SQL Server.

Runs where PORTAL_TEST_MSSQL_URL names an engine. WORLDS=500 compares that many random worlds instead of a few fixed ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine

from tests.databases import MSSQL_VARIABLE, clone
from tests.hunts import SAME_EACH_TIME
from tests.worlds import World, worlds
from tests.worlds.lives import live
from tests.worlds.tables import read_world

WORLDS_VARIABLE = "WORLDS"
ASKED = int(os.environ.get(WORLDS_VARIABLE, "0"))
"""How many random worlds to compare; 0: a few, the same in every run."""


@pytest.fixture(scope="module")
def engines(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Engine]]:
    """Give a database of each dialect, which the worlds of this module take one after the other."""
    if MSSQL_VARIABLE not in os.environ:
        pytest.skip(f"{MSSQL_VARIABLE} names no SQL Server")
    with clone(request.getfixturevalue("server"), request.getfixturevalue("empty_template")) as postgres:
        yield postgres, request.getfixturevalue("sql_server")


@pytest.mark.slow
@pytest.mark.timeout(300 + 5 * ASKED)
@given(world=worlds())
@hypothesis_settings(SAME_EACH_TIME, max_examples=ASKED or 100, derandomize=not ASKED, print_blob=True)
def test_the_same_world_ends_the_same_on_both_databases(
    engines: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory, world: World
) -> None:
    docs = tmp_path_factory.getbasetemp()
    (said, left), (said_there, left_there) = (_said_and_left(engine, world, docs) for engine in engines)
    for step, outcome in enumerate(said):
        note(f"{step}: {outcome}")
    assert said == said_there
    for table, found in left.items():
        assert (table, found) == (table, left_there[table])


def _said_and_left(engine: Engine, world: World, docs: Path) -> tuple[list[Any], dict[str, list[dict[str, Any]]]]:
    """Bring a world to its end; return what every step said and what stands in every table."""
    since = datetime.now(UTC) - timedelta(seconds=2)
    return live(engine, world, docs).said, read_world(engine, since)

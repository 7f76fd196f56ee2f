"""The same world and the same request leave the same rows behind on PostgreSQL and on SQL Server.

Runs where PORTAL_TEST_MSSQL_URL names an engine. WORLDS=500 compares that many random worlds instead of a few fixed ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine

from device_association.database import rows
from device_association.errors import RevioRejected
from device_association.form_choices import list_choices
from device_association.scheduled_plans import Interval, apply_due_plans
from device_association.settings import Settings
from tests.databases import MSSQL_VARIABLE, clone
from tests.flow import NOW, Clock, Flow, Rev
from tests.worlds import World, worlds
from tests.worlds.tables import comparable, load_world, move_world, read_world
from tests.worlds.values import EARLIER, OTHER_PROGRAMS, PORTALS

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


@pytest.mark.timeout(300 + 5 * ASKED)
@given(world=worlds())
@hypothesis_settings(
    max_examples=ASKED or 100,
    derandomize=not ASKED,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.generate],  # the first world that differs says enough; a smaller one would cost minutes
    suppress_health_check=list(HealthCheck),
)
def test_the_same_world_ends_the_same_on_both_databases(
    engines: tuple[Engine, Engine], tmp_path_factory: pytest.TempPathFactory, world: World
) -> None:
    docs = tmp_path_factory.getbasetemp()
    (said, left), (said_there, left_there) = (_live(engine, world, docs) for engine in engines)
    for step, outcome in enumerate(said):
        note(f"{step}: {outcome}")
    assert said == said_there
    for table, found in left.items():
        assert (table, found) == (table, left_there[table])


def _live(engine: Engine, world: World, docs: Path) -> tuple[list[Any], dict[str, list[dict[str, Any]]]]:
    """Bring a world to its end; return what every step said and what stands in every table."""
    load_world(engine, world)
    rev = Rev(kept=deepcopy(world.lines), refusing={sim: [deepcopy(error)] for sim, error in world.answers.items()})
    if world.refuses_products:
        rev.refusing_products.append(RevioRejected("POST /v1/ServiceProduct was answered 400: no 😀", status=400))
    since = datetime.now(UTC) - timedelta(seconds=2)
    flow = Flow(engine, docs, rev, Clock(), Settings(queue_url="http://queue", rev_concurrency=1))
    said: list[Any] = []
    created = None
    if world.request is not None:
        created = _say(said, lambda: flow.create(world.request or {}, user=world.user, run_id=world.run_id))
        if world.twice and world.run_id:
            _say(said, lambda: flow.create(world.request or {}, user=world.user, run_id=world.run_id))
    move_world(engine, world.meanwhile)
    flow.clock.pass_seconds(61.5)
    for change_id in ([created.change_id] if created else []) + [PORTALS, EARLIER, OTHER_PROGRAMS]:
        _bring_to_its_end(flow, world, change_id, said)
    for days in (2, 1000):
        flow.clock.now = NOW + timedelta(days=days)
        _say(said, lambda: apply_due_plans(engine, Interval(), clock=flow.clock, rows_at_once=3))
    _say(said, lambda: {field: sorted(offered) for field, offered in list_choices(engine).items()})
    said.append(comparable([rev.kept, rev.products_kept]))
    return said, read_world(engine, since)


def _bring_to_its_end(flow: Flow, world: World, change_id: int, said: list[Any]) -> None:
    run_id = world.run_id or f"bulk_change__{change_id}__0"
    claim = _say(said, lambda: flow.open(change_id, run_id=run_id))
    if claim is None:
        return
    for _ in range(2 if world.twice else 1):
        _say(said, lambda: flow.check(claim))
        _say(said, lambda: _frame(flow, change_id))
        _say(said, lambda: flow.lines(claim, last_try=True))
        _say(said, lambda: flow.associate(claim))
        flow.clock.pass_seconds(0.25)
    _say(said, lambda: flow.close(claim))


def _frame(flow: Flow, change_id: int) -> list[dict[str, Any]]:
    with flow.portal.connect() as connection:
        return [dict(one) for one in rows(connection, "checks/load_frame", bulk_change_id=change_id, now=flow.clock())]


def _say(said: list[Any], step: Callable[[], Any]) -> Any:
    """Run a step and keep what came of it: its result, or what it raised."""
    try:
        result = step()
    except Exception as problem:
        said.append(comparable(problem))
        return None
    said.append(comparable(result if not hasattr(result, "seconds_by_step") else result.codes))
    return result

"""Each damage to the recorded world of a real run is found; how to record one is in `chaos/checks/recording.py`."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

import chaos.checks
from chaos.checks import checker
from chaos.checks.checker import check
from chaos.checks.recording import COLUMNS, record, to_lines
from chaos.checks.view import View
from chaos.records.world import World
from tests.chaos.damages import DAMAGES, kind_of
from tests.chaos.worlds import clean_world

RECORDED = Path(__file__).with_name("recorded")
MAX_BYTES = 300_000


def kinds_of_the_checks() -> set[str]:
    """The texts in the first argument of each `Violation(...)`, and in what is assigned to `kind`."""
    kinds: set[str] = set()
    for file in Path(next(iter(chaos.checks.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named: ast.AST | None = None
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Violation":
                named = node.args[0]
            elif isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == ["kind"]:
                named = node.value
            texts = ast.walk(named) if named else ()
            kinds |= {one.value for one in texts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return kinds


@pytest.fixture(scope="module", params=sorted(RECORDED.glob("*.json")), ids=lambda file: file.stem)
def recorded(request: pytest.FixtureRequest) -> World:
    file: Path = request.param
    return World.from_json(file.read_text(encoding="utf-8"))


def test_the_recorded_run_broke_no_promise(recorded: World) -> None:
    assert check(recorded) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_the_recorded_run_is_found(recorded: World, damage: str) -> None:
    world = deepcopy(recorded)
    DAMAGES[damage](world)
    assert kind_of(damage) in {one.kind for one in check(world)}


@pytest.mark.slow
@pytest.mark.parametrize("left_out", checker.CHECKS, ids=lambda one: one.__name__)
def test_no_check_can_be_left_out_unnoticed(
    recorded: World, monkeypatch: pytest.MonkeyPatch, left_out: Callable[[View], object]
) -> None:
    monkeypatch.setattr(checker, "CHECKS", tuple(one for one in checker.CHECKS if one is not left_out))
    missed = []
    for name, damage in DAMAGES.items():
        world = deepcopy(recorded)
        damage(world)
        if kind_of(name) not in {one.kind for one in check(world)}:
            missed.append(name)
    assert missed


def test_there_is_a_damage_for_every_kind_of_violation() -> None:
    assert kinds_of_the_checks() == {kind_of(damage) for damage in DAMAGES}


def test_the_recorded_run_asked_in_every_way_and_did_something_to_changes_later(recorded: World) -> None:
    asked = [one for one in recorded.history if one["what"] == "asked"]
    assert {one["way"] for one in asked if one["kind"] == "ask"} == {"post", "form", "portal"}
    assert {one["kind"] for one in asked} >= {"ask", "retry", "cancel", "revert"}
    assert {one["account"] for one in recorded.journal} == {"northwind", "secondary"}


def test_recordings_stay_small_and_keep_only_named_columns() -> None:
    files = list(RECORDED.glob("*.json"))
    assert files
    assert sum(file.stat().st_size for file in files) < MAX_BYTES
    for file in files:
        tables = json.loads(file.read_text(encoding="utf-8"))["tables"]
        assert {name: {tuple(row) for row in rows} for name, rows in tables.items() if rows} == {
            name: {columns} for name, columns in COLUMNS.items() if tables[name]
        }


def test_a_recording_leaves_out_what_nobody_asked_for_and_survives_its_file() -> None:
    world = clean_world()
    password = {"id": 9, "iccid": "890077", "msisdn": None, "password": "hidden"}
    world.tables["device"].append(password)
    world.history[0]["answer"] = {"ChangeId": 10, "Token": "hidden"}
    small = record(world)
    assert "hidden" not in to_lines(small)
    assert "890077" not in to_lines(small)
    assert World.from_json(to_lines(small)) == small
    assert check(small) == []

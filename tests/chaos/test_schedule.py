"""A schedule is a pure function of its seed and length, and holds enough of everything."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from chaos.actors.strikes import FAULTS as STRIKES
from chaos.checks.sims import keys_of, keys_of_device
from chaos.plan.particulars import SPELLINGS
from chaos.plan.schedule import DEVICES, FAULTS, ODD, Schedule, full_kills, make_schedule
from chaos.scene.cast import spelled
from local.sample_data import world
from local.simulators.revio.settings import Settings
from local.stack.settings import REPOSITORY

SEEDS = (1, 2, 3)


def asked(schedule: Schedule) -> list[dict[str, object]]:
    return [step for step in schedule.operations if step["kind"] == "ask"]


def test_the_same_seed_gives_the_same_schedule_in_another_process_too() -> None:
    program = (
        "from chaos.plan.schedule import make_schedule, full_kills; "
        "print(make_schedule(5, 3).digest, full_kills(5).digest)"
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
    assert len(ways) == 12
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


@pytest.mark.parametrize("seed", SEEDS)
def test_people_work_on_the_sims_of_changes_and_around_their_time(seed: int) -> None:
    schedule = make_schedule(seed, 15)
    people = [step for step in schedule.faults if step["kind"].startswith("person ")]
    assert len(people) >= 20
    for step in people:
        times = [ask["at"] for ask in schedule.operations if step["device"] in ask.get("devices", ())]
        assert min(abs(step["at"] - at) for at in times) <= 60
    made = [step for step in people if step["kind"] == "person makes"]
    assert {step["elsewhere"] for step in made} == {True, False}
    assert len({step["spelling"] for step in made}) >= 3


def test_a_mixed_change_says_whose_each_device_is() -> None:
    mixed = [step for step in make_schedule(1, 15).operations if step.get("terms") == "mixed"]
    assert all(len(step["customers"]) == len(step["devices"]) for step in mixed)
    assert {one for step in mixed for one in step["customers"]} == {"4711", "4712", "4716 of 2"}


def test_the_vendor_has_other_manners_in_other_runs() -> None:
    manners = [make_schedule(seed, 1).manners for seed in range(30)]
    zones = {zone for one in manners for zone in one["account_time_zones"].values()}
    assert zones >= {"Pacific/Auckland", "Pacific/Honolulu", "UTC"}
    assert {name for one in manners for name in one} >= {"ignored_filters", "empty_filters", "empty_date"}
    for one in manners:
        Settings.model_validate(one)


def test_odd_devices_are_asked_for_and_never_one_change_s_own() -> None:
    wanted = {device for seed in SEEDS for step in asked(make_schedule(seed, 15)) for device in step["devices"]}  # type: ignore[attr-defined]
    assert len(wanted & set(ODD)) >= 10
    assert not set(ODD) & set(DEVICES)


@pytest.mark.parametrize("device", [1, 777, 1900])
def test_every_spelling_of_a_person_is_the_device_s_line(device: int) -> None:
    keys = keys_of_device(world.iccid(device), world.msisdn(device))
    for spelling in SPELLINGS:
        assert keys & keys_of(spelled(device, spelling)), spelling
        assert not keys & keys_of(spelled(device + 1, spelling)), spelling


def test_every_fault_can_be_done() -> None:
    for name, _ in FAULTS:
        assert name in STRIKES or name.startswith("kill "), name


def test_the_full_kills_come_between_the_changes() -> None:
    schedule = full_kills(1)
    assert len(asked(schedule)) == 50
    assert [step["kind"] for step in schedule.faults] == ["kill everything"] * 10

"""A short run for real: everything breaks for a minute, and every promise holds; damages to its world are found."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from chaos import report
from chaos.checks.checker import check
from chaos.checks.recording import record
from chaos.plan.schedule import make_schedule
from chaos.run import Outcome, chaotic_stack, play
from local.stack.stack import Stack
from tests.chaos.damages import DAMAGES, kind_of

pytestmark = [pytest.mark.end_to_end, pytest.mark.own_stack, pytest.mark.timeout(1500)]
SEED, MINUTES = 17, 0.8
IN_EVERY_RUN = {
    "line without mirror", "mirror differs", "history row missing", "change does not end", "change lost", "device lost",
    "two final states", "no code or reason", "link wrong", "association wrong", "period wrong", "end not told",
}  # fmt: skip
"""Damages to what any short run leaves: lines, links, histories, ends and refusals."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with chaotic_stack(manners=make_schedule(SEED, MINUTES).manners) as stack:
        yield stack


@pytest.fixture(scope="module")
def outcome(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return play(stack, make_schedule(SEED, MINUTES), tmp_path_factory.mktemp("chaos"), print, end_seconds=1000)


def test_a_minute_of_chaos_breaks_no_promise(outcome: Outcome) -> None:
    figures = report.summary(outcome)
    print(figures)
    assert outcome.violations == []
    assert figures["changes"] >= 8
    assert figures["faults"] >= 5
    assert figures["devices_by_code"]["PROCESSED"] > 0


def test_damages_to_the_world_of_the_run_are_found(outcome: Outcome) -> None:
    """Those of IN_EVERY_RUN; test_recorded_runs.py has them all."""
    small = record(outcome.world)
    for name in IN_EVERY_RUN:
        world = deepcopy(small)
        DAMAGES[name](world)
        assert kind_of(name) in {one.kind for one in check(world)}, name


def test_a_recording_of_the_run_holds_all_that_is_checked(outcome: Outcome) -> None:
    assert check(record(outcome.world)) == check(outcome.world)


def test_the_books_are_kept_for_another_look(outcome: Outcome, tmp_path: Path) -> None:
    report.write(outcome, tmp_path / "chaos.json")
    assert check(type(outcome.world).from_json(outcome.world.to_json())) == outcome.violations

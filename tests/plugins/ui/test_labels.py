"""The words and figures of the screens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from device_association.domain.codes import DeviceChangeStatus
from device_association.portal.changes import StepTimes
from device_association_airflow.ui import labels, rendering
from tests.flow import NOW


def test_each_step_says_how_it_stands_and_slices_count_as_one() -> None:
    def at(second: int) -> datetime:
        return NOW + timedelta(seconds=second)

    recorded = [
        StepTimes("validate_devices", at(0), at(2)),
        StepTimes("create_rev_service 0", at(10), at(40)),
        StepTimes("create_rev_service 1", at(5), at(30)),
    ]
    done, running, to_come, not_run = labels.StepState

    def states(status: str, count: int = 3) -> list[labels.StepState]:
        return [one.state for one in labels.steps(recorded[:count], status)]

    assert states("NEW", 0) == [to_come] * 7
    assert states("PROCESSING", 0) == [running, *[to_come] * 6]
    assert states("PROCESSING", 1) == [done, running, *[to_come] * 5]
    assert states("PROCESSING") == [done, not_run, not_run, running, to_come, to_come, to_come]
    assert states("ERROR") == [done, not_run, not_run, done, not_run, not_run, not_run]
    assert [one.seconds for one in labels.steps(recorded, "ERROR")] == [2, None, None, 35, None, None, None]


def test_segments_are_the_whole_and_a_change_without_devices_has_none() -> None:
    counts = {"NEW": 1, "PROCESSING": 2, "PROCESSED": 3, "ERROR": 1, "API_FAILED": 2, "CANCELED": 1, "TOTAL": 10}
    found = labels.segments(counts)
    assert [(one.name, one.devices, one.start) for one in found] == [
        ("succeeded", 3, 0),
        ("failed", 3, 3),
        ("canceled", 1, 6),
        ("running", 2, 7),
        ("waiting", 1, 9),
    ]
    assert sorted(state for one in found for state in one.states) == sorted(DeviceChangeStatus)
    assert {one.devices for one in labels.segments(dict.fromkeys(counts, 0))} == {0}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "under 1 second"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (7200, "2 hours"),
        (90061, "1 day 1 hour"),
    ],
)
def test_lengths_of_time_are_said_in_their_two_largest_units(seconds: float, said: str) -> None:
    assert labels.duration(seconds) == said


def test_ages_figures_and_moments_are_said_as_people_say_them() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert [labels.age(now - timedelta(seconds=past), now) for past in (5, 60, 3 * 86400 + 5)] == [
        "just now",
        "1 minute ago",
        "3 days ago",
    ]
    assert [labels.number(one) for one in (1234567, Decimal("250.5000"), Decimal(1000))] == [
        "1,234,567",
        "250.5",
        "1,000",
    ]
    assert rendering.in_zone(now, "Asia/Tokyo") == "24 Nov 2026, 21:00 JST"
    assert rendering.in_zone(now, None) == "24 Nov 2026, 12:00 UTC"


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("the active lines 51, 52 are all this SIM's; disconnect all but one", ["51", "52"]),
        ("Rev.io shows line 7, which belongs to another SIM; have it looked at", ["7"]),
        ("line 60, which dora.ops named as this SIM's, is not at Rev.io; name another line", ["60"]),
        ("the active lines without an id (number '1', number2 '2'), 9 are all this SIM's", []),
        ("Rev.io shows line 7, and line 7 again, and lines 8", ["7", "8"]),
        ("customer 4711 of airline 9", []),
    ],
)
def test_the_lines_that_a_message_names_are_offered(message: str, lines: list[str]) -> None:
    assert labels.lines_in(message) == lines

"""Lists that change between two pages, pages that repeat, and filters that are ignored or find nothing; over real HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.simulators.revio.simulated import SimulatorClient

LINES = 5
FILTERS = {"customer_id": 1, "number": "555", "number2": "891", "created_date_start": "2020-01-01T00:00:00"}


@pytest.fixture
def filled(rev: SimulatorClient) -> SimulatorClient:
    """Give the first customer five lines and the second one."""
    for number in range(LINES):
        rev.call("POST", "Services", _line(1, f"89{number}") | {"number": "555" if number == 1 else f"556{number}"})
    rev.create("8999", customer=2)
    return rev


def _line(customer: int, number2: str) -> dict[str, Any]:
    return {"customer_id": customer, "provider_id": 21, "number2": number2}


def page(rev: SimulatorClient, number: int, size: int = 2) -> list[str]:
    return [one["number2"] for one in rev.records(customer_id=1, page_size=size, page=number)]


def list_all(rev: SimulatorClient, pages: int = 3) -> list[list[str]]:
    return [page(rev, number) for number in range(1, pages + 1)]


@pytest.mark.parametrize("shift", ["hidden", "moved", "deleted"])
def test_a_line_that_leaves_page_1_takes_another_one_out_of_sight(filled: SimulatorClient, shift: str) -> None:
    filled.fault("list_shifts", shift=shift, seconds=60, times=1)
    assert list_all(filled) == [["890", "891"], ["893", "894"], []]
    assert list_all(filled) == [["891", "892"], ["893", "894"], []]


def test_a_disconnected_line_leaves_lists_only_where_the_settings_hide_it(filled: SimulatorClient) -> None:
    filled.fault("list_shifts", shift="disconnected", times=1)
    assert list_all(filled) == [["890", "891"], ["892", "893"], ["894"]]
    filled.control("PATCH", "settings", {"lists_hide_disconnected": True})
    assert list_all(filled) == [["891", "892"], ["893", "894"], []]
    filled.control("PATCH", "settings", {"lists_hide_disconnected": False})
    assert page(filled, 1) == ["890", "891"]


def test_several_or_named_lines_leave_at_once(filled: SimulatorClient) -> None:
    filled.fault("list_shifts", shift="hidden", seconds=60, records=2, times=1)
    assert list_all(filled, 2) == [["890", "891"], ["894"]]
    named = filled.records(number2="893")[0]["service_id"]
    filled.fault("list_shifts", shift="moved", leaves=[named], to_customer=2, times=1)
    assert list_all(filled, 2) == [["892", "893"], []]
    assert filled.call("GET", f"Services/{named}").json()["customer_id"] == 2


def test_what_is_hidden_comes_back_and_its_id_always_finds_it(filled: SimulatorClient) -> None:
    key = filled.records(number2="890")[0]["service_id"]
    filled.fault("list_shifts", shift="hidden", seconds=0.4, times=1)
    assert page(filled, 1) == ["890", "891"]
    assert page(filled, 1) == ["891", "892"]
    assert filled.call("GET", f"Services/{key}").json()["number2"] == "890"
    until = time.monotonic() + 5
    while page(filled, 1) != ["890", "891"] and time.monotonic() < until:
        time.sleep(0.02)
    assert page(filled, 1) == ["890", "891"]


@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
def test_a_line_that_arrives_in_front_shows_the_page_s_last_one_again(filled: SimulatorClient, order: str) -> None:
    filled.control("PATCH", "settings", {"list_order": order})
    filled.fault("list_shifts", shift="arrived", times=1)
    first, second = page(filled, 1), page(filled, 2)
    assert second[0] == first[1]
    assert page(filled, 1)[1] == first[0]
    assert filled.control("GET", "journal")[-1]["by"] == "person"


@pytest.mark.parametrize(("shift", "kind"), [("moved", "service_moved"), ("deleted", "service_deleted")])
def test_a_shift_is_a_person_s_deed_in_the_journal(filled: SimulatorClient, shift: str, kind: str) -> None:
    filled.fault("list_shifts", shift=shift, times=1)
    page(filled, 1)
    entry = filled.control("GET", "journal?number2=890")[-1]
    assert (entry["kind"], entry["by"], entry["before"]["customer_id"]) == (kind, "person", 1)


def test_only_page_1_shifts_the_list_unless_another_is_named(filled: SimulatorClient) -> None:
    filled.fault("list_shifts", shift="deleted", page=2, times=1)
    assert list_all(filled) == [["890", "891"], ["892", "893"], []]


def test_a_page_repeats_once_and_then_goes_on_behind_a_gap(filled: SimulatorClient) -> None:
    filled.fault("page_repeats", times=1)
    first, second = (filled.call("GET", "Services", customer_id=1, page_size=2, page=n).json() for n in (1, 2))
    assert first["records"] == second["records"]
    assert second["has_more"] is True
    assert page(filled, 3) == ["894"]


def test_a_page_repeats_for_ever(filled: SimulatorClient) -> None:
    filled.fault("page_repeats", page=2)
    for _ in range(3):
        assert list_all(filled) == [["890", "891"], ["890", "891"], ["894"]]
    filled.control("DELETE", "faults")
    filled.fault("page_repeats")
    assert list_all(filled, 5) == [["890", "891"], ["890", "891"], ["892", "893"], ["894"], []]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_ignored_by_its_name(filled: SimulatorClient, name: str) -> None:
    others = {"customer_id": 1, "number2": "891"} if name in {"number", "created_date_start"} else {}
    asked = others | {name: "2999-01-01T00:00:00" if name == "created_date_start" else "77"}
    assert filled.records(**asked) == []
    without = filled.records(**{key: value for key, value in asked.items() if key != name})
    filled.control("PATCH", "settings", {"ignored_filters": [name]})
    assert filled.records(**asked) == without != []
    filled.control("PATCH", "settings", {"ignored_filters": []})
    filled.fault("filters_ignored", filters=[name], times=1)
    assert filled.records(**asked) == without
    assert filled.records(**asked) == []


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_nothing_by_its_name(filled: SimulatorClient, name: str) -> None:
    asked: dict[str, Any] = {name: FILTERS[name]}
    without = {"provider_id": 21}
    assert filled.records(**asked) != []
    filled.control("PATCH", "settings", {"empty_filters": [name]})
    assert filled.call("GET", "Services", **asked).json()["has_more"] is False
    assert filled.records(**asked) == []
    assert filled.records(**without) != []
    filled.control("PATCH", "settings", {"empty_filters": []})
    filled.fault("empty_list", filters=[name], times=1)
    assert filled.records(**without) != []
    assert filled.records(**asked) == []
    assert filled.records(**asked) != []


def test_every_filter_can_find_nothing_and_a_list_without_one_is_true(filled: SimulatorClient) -> None:
    filled.control("PATCH", "settings", {"empty_filters": ["*"]})
    assert filled.records(provider_id=21) == []
    assert len(filled.records()) == LINES + 1

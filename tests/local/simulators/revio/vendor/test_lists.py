"""Lists: paging, filters, what a search misses and when, and the lies that a list can tell."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.simulators.revio.calls import Call
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.seed import Service
from local.simulators.revio.vendor.account import Refused
from tests.flow import Clock
from tests.local.simulators.revio.simulated import SimulatorClient, as_user, create, line, read

LINES = 5


@pytest.fixture
def filled(rev: SimulatorClient) -> SimulatorClient:
    """Give two customers: the first has five lines, the second one."""
    for number in range(LINES):
        rev.create(f"89{number}")
    rev.create("8999", customer=2)
    return rev


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [one["service_id"] for one in records]


def pages(rev: SimulatorClient, size: int = 2) -> list[dict[str, Any]]:
    """Page as the contract says: until has_more is false or a page is empty."""
    found: list[dict[str, Any]] = []
    while not found or (found[-1]["has_more"] and found[-1]["records"]):
        page = len(found) + 1
        found.append(rev.call("GET", "Services", customer_id=1, page_size=size, page=page).json())
    return found


def test_pages_hold_every_line_once_and_the_last_says_so(filled: SimulatorClient) -> None:
    found = pages(filled)
    assert [(len(one["records"]), one["record_count"], one["has_more"]) for one in found] == [
        (2, 2, True),
        (2, 2, True),
        (1, 1, False),
    ]
    assert len({key for one in found for key in ids(one["records"])}) == LINES


def test_filters_are_anded_and_their_prefix_is_optional(filled: SimulatorClient) -> None:
    assert len(filled.records(customer_id=1, number2="891")) == 1
    assert len(filled.records(**{"search.customer_id": 2, "search.number2": "891"})) == 0
    assert len(filled.records(provider_id=21, customer_id=2)) == 1
    assert len(filled.records(created_date_start="2999-01-01T00:00:00")) == 0
    assert filled.call("GET", "Services", created_date_start="soon").status_code == 400


def test_a_filter_can_be_ignored_or_refused_by_its_name(filled: SimulatorClient) -> None:
    filled.control("PATCH", "settings", {"ignored_filters": ["number2"]})
    assert len(filled.records(customer_id=1, number2="891")) == LINES
    filled.control("PATCH", "settings", {"ignored_filters": ["*"]})
    assert len(filled.records(customer_id=1, number2="891")) == LINES + 1
    filled.control("PATCH", "settings", {"ignored_filters": [], "refused_filters": ["number"]})
    assert filled.call("GET", "Services", number="1").status_code == 400


def test_newest_first_a_new_line_moves_a_record_to_the_next_page(filled: SimulatorClient) -> None:
    filled.control("PATCH", "settings", {"list_order": "newest_first"})
    first = ids(filled.records(customer_id=1, page_size=2, page=1))
    assert first == sorted(first, reverse=True)
    filled.create("8950")
    assert ids(filled.records(customer_id=1, page_size=2, page=2))[0] == first[-1]


def test_money_is_a_number_and_no_date_reads_as_the_settings_say(filled: SimulatorClient) -> None:
    key = ids(filled.records(number2="890"))[0]
    body = {"service_id": key, "product_id": 31, "customer_id": 1, "rate": 2.5}
    filled.call("POST", "ServiceProduct", body)
    assert filled.call("GET", "ServiceProduct").json()["records"][0]["rate"] == 2.5
    for empty_date, written in (("null", None), ("blank", ""), ("year_one", "0001-01-01T00:00:00")):
        filled.control("PATCH", "settings", {"empty_date": empty_date})
        assert filled.records(number2="890")[0]["disconnected_date"] == written
        assert filled.call("GET", f"Services/{key}").json()["disconnected_date"] == written


def test_a_line_that_is_disconnected_reads_so_at_once(filled: SimulatorClient) -> None:
    key = ids(filled.records(number2="890"))[0]
    filled.call("DELETE", "Services", {"service_id": key, "effective_date": "2026-01-02T00:00:00"})
    assert filled.records(number2="890")[0]["disconnected_date"] == "2026-01-02T00:00:00"
    assert filled.call("DELETE", "Services", {"service_id": key, "effective_date": "soon"}).status_code == 400


def test_filters_ignored_shows_everybody_s_lines_for_that_call(filled: SimulatorClient) -> None:
    filled.fault("filters_ignored", times=1)
    assert len(filled.records(number2="891")) == LINES + 1
    assert len(filled.records(number2="891")) == 1


def test_a_list_can_be_empty_though_there_are_lines(filled: SimulatorClient) -> None:
    filled.fault("empty_list", times=1)
    said = filled.call("GET", "Services", customer_id=1).json()
    assert said == {"ok": True, "has_more": False, "record_count": 0, "records": []}


def test_a_record_count_can_be_wrong(filled: SimulatorClient) -> None:
    filled.fault("wrong_count")
    assert [one["record_count"] - len(one["records"]) for one in pages(filled)] == [1, 1, 1]


def test_a_record_can_be_on_two_pages_and_none_is_lost(filled: SimulatorClient) -> None:
    filled.fault("repeated_id")
    first, second, third = (ids(one["records"]) for one in pages(filled))
    assert first[-1] == first[-2] == second[0]
    assert third[0] == second[-1]
    assert len({*first, *second, *third}) == LINES


def test_lines_of_other_customers_can_be_mixed_in(filled: SimulatorClient) -> None:
    filled.fault("others_mixed_in", times=1)
    customers = [one["customer_id"] for one in filled.records(customer_id=1)]
    assert customers == [2] + [1] * LINES


def test_has_more_can_be_true_on_pages_that_are_empty_for_ever(filled: SimulatorClient) -> None:
    filled.fault("has_more_always")
    assert [len(one["records"]) for one in pages(filled)] == [2, 2, 1, 0]
    assert filled.call("GET", "Services", customer_id=1, page=99).json()["has_more"] is True


def test_has_more_can_be_false_though_there_is_more(filled: SimulatorClient) -> None:
    filled.fault("has_more_never")
    assert [len(one["records"]) for one in pages(filled)] == [2]


@pytest.mark.parametrize("effect", ["wrong_count", "empty_list", "has_more_always", "others_mixed_in"])
def test_every_list_can_lie(filled: SimulatorClient, effect: str) -> None:
    plain = filled.call("GET", "Customers", page_size=1, page=2).json()
    filled.fault(effect, path="/v1/*", times=1)
    lied = filled.call("GET", "Customers", page_size=1, page=2).json()
    assert lied["ok"] is True
    assert lied != plain


def test_a_search_misses_a_new_line_for_the_lag_and_its_id_finds_it_at_once(ledger: Ledger, clock: Clock) -> None:
    vendor = as_user(ledger, "writer", search_lag_seconds=30)
    made = vendor.answer(create(line(1)))
    searches = [read("/v1/Services", number2="8901"), read("/v1/Services", customer_id=1), read("/v1/Services")]
    assert [vendor.answer(search).json["records"] for search in searches] == [[], [], []]
    assert vendor.answer(read(f"/v1/Services/{made.id}")).json["number2"] == "8901"
    clock.pass_seconds(31)
    assert [len(vendor.answer(search).json["records"]) for search in searches] == [1, 1, 1]


def test_a_new_product_is_missed_as_long_as_a_new_line(ledger: Ledger, clock: Clock) -> None:
    vendor = as_user(ledger, "writer", search_lag_seconds=30)
    made = vendor.answer(create(line(1)))
    body = {"service_id": made.id, "product_id": 31, "customer_id": 1}
    vendor.answer(Call("POST", "/v1/ServiceProduct", {}, body))
    search = read("/v1/ServiceProduct", service_id=made.id)
    assert vendor.answer(search).json["records"] == []
    clock.pass_seconds(31)
    assert len(vendor.answer(search).json["records"]) == 1


def test_a_clock_that_is_off_dates_what_is_made_and_hides_nothing(ledger: Ledger) -> None:
    for off in (0, -90_000):
        as_user(ledger, "writer", clock_off_seconds=off).answer(create(line(1)))
    listed = as_user(ledger, "writer").answer(read("/v1/Services", customer_id=1)).json["records"]
    right, behind = (datetime.fromisoformat(one["created_date"]) for one in listed)
    assert right - behind == timedelta(seconds=90_000)


def test_a_limited_user_ends_and_extends_only_its_customers_lines(ledger: Ledger) -> None:
    made = as_user(ledger, "writer").answer(create(line(1)))
    for call in (
        Call("DELETE", "/v1/Services", {}, {"service_id": made.id}),
        Call("POST", "/v1/ServiceProduct", {}, {"service_id": made.id, "product_id": 31, "customer_id": 1}),
    ):
        with pytest.raises(Refused, match="may not write for this customer"):
            as_user(ledger, "limited").answer(call)


def test_a_customer_with_25_000_lines_is_paged_in_a_blink(ledger: Ledger) -> None:
    for number in range(25_000):
        ledger.create_service("acme", Service(customer_id=1, provider_id=21, number2=f"89{number}"))
    vendor = as_user(ledger, "writer")
    calls = [read("/v1/Services", customer_id=1, page_size=500, page=page) for page in range(1, 51)]
    assert sum(len(vendor.answer(call).json["records"]) for call in calls) == 25_000
    began = time.process_time()
    for call in calls:
        vendor.answer(call)
    assert time.process_time() - began < 0.5  # it was a second; now it is some twenty milliseconds

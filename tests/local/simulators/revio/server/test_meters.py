"""Outages, the time line, the counters and the journal, over real HTTP."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
import requests

from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.seed import Service
from local.simulators.revio.server.timeline import Timeline
from tests.local.simulators.revio.simulated import SimulatorClient, line


def by_status(timeline: dict[str, Any], verb: str = "POST /v1/Services") -> Counter[str]:
    total: Counter[str] = Counter()
    for second in timeline["seconds"]:
        total.update(second["accepted"].get(verb, {}))
    return total


def test_an_outage_cuts_hangs_or_fails_every_call_and_lets_in_none(rev: SimulatorClient) -> None:
    rev.control("POST", "outage", {"kind": "refuse", "seconds": 60})
    with pytest.raises(requests.ConnectionError):
        rev.create()
    rev.control("POST", "outage", {"kind": "hang", "seconds": 60})
    with pytest.raises(requests.ReadTimeout):
        rev.create(timeout=0.2)
    rev.control("POST", "outage", {"kind": "error", "seconds": 60})
    assert rev.create().status_code == 503
    assert rev.control("GET", "outage")["kind"] == "error"
    rev.control("DELETE", "outage")
    assert rev.create().status_code == 201
    assert rev.made() == 1
    assert rev.control("GET", "timeline")["acme"]["accepted"] == 1


def test_an_outage_ends_by_itself(rev: SimulatorClient) -> None:
    rev.control("POST", "outage", {"kind": "error", "seconds": 0.3})
    assert rev.create().status_code == 503
    until = time.monotonic() + 5
    while rev.control("GET", "outage")["kind"] and time.monotonic() < until:
        time.sleep(0.02)
    assert rev.create().status_code == 201


def test_the_time_line_tells_what_was_let_in_and_how_it_was_answered(rev: SimulatorClient) -> None:
    began = time.time()
    rev.create("1")
    rev.fault("error_after", times=1)
    rev.create("2")
    rev.fault("drop_after", times=1)
    with pytest.raises(requests.ConnectionError):
        rev.create("3")
    rev.records()
    seen = rev.control("GET", "timeline")["acme"]
    assert by_status(seen) == {"201": 1, "500": 1, "none": 1}
    assert by_status(seen, "GET /v1/Services") == {"200": 1}
    assert (seen["accepted"], seen["turned_away"]) == (4, 0)
    assert began <= seen["first_accepted"] < seen["last_accepted"] <= time.time()


def test_what_is_turned_away_is_counted_apart_and_costs_no_budget(rev: SimulatorClient) -> None:
    rev.control("PATCH", "settings", {"calls_per_minute": 2})
    rev.fault("throttle_header", times=2)
    assert [rev.create(str(n)).status_code for n in range(5)] == [429, 429, 201, 201, 429]
    seen = rev.control("GET", "timeline")["acme"]
    assert (seen["accepted"], seen["turned_away"]) == (2, 3)
    assert rev.control("GET", "counters") == {"POST /v1/Services": 5, "status 429": 3, "status 201": 2}


def test_a_call_under_way_is_in_the_time_line_as_open() -> None:
    timeline = Timeline(since=5.0)
    timeline.accept(10.25, "POST /v1/Services")
    timeline.accept(11.5, "POST /v1/Services")
    timeline.answer(10.25, "POST /v1/Services", "201")
    timeline.turn_away(11.75, "429")
    assert timeline.told() == {
        "since": 5.0,
        "first_accepted": 10.25,
        "last_accepted": 11.5,
        "accepted": 2,
        "turned_away": 1,
        "seconds": [
            {"second": 10, "accepted": {"POST /v1/Services": {"201": 1}}, "turned_away": 0, "over_quota": 0},
            {"second": 11, "accepted": {"POST /v1/Services": {"open": 1}}, "turned_away": 1, "over_quota": 0},
        ],
    }


def test_a_reset_forgets_meters_rules_and_an_outage(rev: SimulatorClient) -> None:
    rev.create()
    rev.fault("quota")
    rev.control("POST", "outage", {"kind": "error", "seconds": 60})
    rev.control("POST", "reset")
    assert rev.control("GET", "counters") == {}
    assert rev.control("GET", "timeline")["acme"]["accepted"] == 0
    assert rev.create().status_code == 201


def test_the_journal_tells_of_one_sim_or_one_account(rev: SimulatorClient) -> None:
    for number in ("1", "2", "1"):
        rev.create(number)
    key = rev.records(number2="2")[0]["service_id"]
    rev.call("DELETE", "Services", {"service_id": key})
    assert [one["kind"] for one in rev.control("GET", "journal?number2=2")] == [
        "service_created",
        "service_disconnected",
    ]
    assert len(rev.control("GET", "journal?account=acme")) == len(rev.control("GET", "journal")) == 4
    assert rev.control("GET", "journal?account=nobody") == []


def test_a_planted_line_can_not_take_another_s_id(rev: SimulatorClient) -> None:
    key = rev.control("POST", "services?account=acme", line(1))["id"]
    with pytest.raises(requests.HTTPError, match="409"):
        rev.control("POST", "services?account=acme", line(2) | {"service_id": key})
    assert rev.call("GET", f"Services/{key}").json()["customer_id"] == 1


def test_the_books_of_20_000_lines_are_read_in_a_blink(ledger: Ledger) -> None:
    for number in range(20_000):
        ledger.create_service("acme", Service(customer_id=1, provider_id=21, number2=f"89{number}"))
    began = time.process_time()
    assert ledger.journal_text(None, None).count(b"service_created") == 20_000
    for number in range(1000):
        assert ledger.journal_text("acme", f"89{number}").count(b"service_created") == 1
    assert time.process_time() - began < 0.5

"""What people at the vendor do by hand, and records that no client can judge; over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.local.simulators.revio.simulated import SimulatorClient, line

IN_JSON: dict[str, dict[str, Any]] = {
    "customer null": {"customer_id": None},
    "id null": {"service_id": None},
    "id of 32 bits": {"service_id": 2**31},
    "id zero": {"service_id": 0},
    "id as text": {"service_id": "12"},
    "trailing F": {"number2": "8914800000000000001F"},
    "trailing f": {"number2": "8914800000000000001f"},
    "hyphens and blanks": {"number2": " 8914-8000 00000000-001 "},
    "number with country": {"number": "+1 555 010 4477"},
    "number2 as float": {"number2": 8.9148e19},
    "number2 as int": {"number2": 8914800000000000001},
    "number as float": {"number": 5550104477.0},
    "NUL": {"description": "a\x00b", "number": "555\x00"},
    "no dates": {"created_date": None},
    "dates that are none": {"created_date": "yesterday", "disconnected_date": "0001-01-01T00:00:00"},
}
REGULAR = {"service_id": 700, "customer_id": 1, "provider_id": 21, "number": "555", "number2": "8914800000000000001"}


def plant(rev: SimulatorClient, record: dict[str, Any], customer: int | None = None) -> int:
    shown_for = "" if customer is None else f"&customer_id={customer}"
    key: int = rev.control("POST", f"records?account=acme{shown_for}", record)["id"]
    return key


def person(rev: SimulatorClient, does: str, **about: Any) -> int:
    key: int = rev.control("POST", "people", {"does": does, "account": "acme", **about})["id"]
    return key


def journal(rev: SimulatorClient, number2: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["by"]) for one in rev.control("GET", f"journal?number2={number2}")]


@pytest.mark.parametrize("odd", IN_JSON)
def test_a_raw_record_is_listed_beside_lines_exactly_as_it_was_planted(rev: SimulatorClient, odd: str) -> None:
    record = REGULAR | IN_JSON[odd]
    rev.create("8901")
    key = plant(rev, record, customer=1)
    rev.create("8902")
    assert record in rev.records(customer_id=1)
    assert len(rev.records(customer_id=1)) == 3
    assert rev.records(customer_id=2) == []
    assert record in rev.records()
    assert rev.call("GET", f"Services/{key}").json() == record
    if isinstance(record["service_id"], int):
        assert key == record["service_id"]
    assert rev.create("8903").json()["id"] < 2**31 - 1


def test_a_raw_record_is_found_by_a_filter_only_in_its_own_spelling(rev: SimulatorClient) -> None:
    record = REGULAR | {"number2": "8914800000000000001F"}
    plant(rev, record)
    assert rev.records(number2="8914800000000000001F") == [record]
    assert rev.records(number2="8914800000000000001") == []
    assert rev.records(number="555", customer_id=1) == [record]


def test_a_check_digit_makes_another_spelling_of_the_same_sim(rev: SimulatorClient) -> None:
    for number2 in ("8914800000000000001", "89148000000000000010"):
        rev.control("POST", "services?account=acme", line(1, number2))
        assert len(rev.records(number2=number2)) == 1


def test_a_raw_record_without_a_date_is_in_no_list_of_new_lines(rev: SimulatorClient) -> None:
    plant(rev, REGULAR | {"created_date": None})
    plant(rev, REGULAR | {"service_id": 701, "created_date": "2026-01-02T00:00:00"})
    plant(rev, REGULAR | {"service_id": 702, "created_date": "yesterday"})
    found = rev.records(customer_id=1, created_date_start="2026-01-01T00:00:00")
    assert [one["service_id"] for one in found] == [701]


def test_a_raw_record_with_the_id_of_a_line_stands_beside_it(rev: SimulatorClient) -> None:
    key = rev.create("8901").json()["id"]
    double = plant(rev, REGULAR | {"service_id": key})
    assert double != key
    assert [one["service_id"] for one in rev.records(customer_id=1)] == [key, key]
    assert rev.call("GET", f"Services/{key}").json()["number2"] == "8901"


def test_a_raw_record_is_nobody_s_creation_and_a_person_can_delete_it(rev: SimulatorClient) -> None:
    key = plant(rev, REGULAR | {"service_id": None})
    person(rev, "deletes", line=key)
    assert rev.records(customer_id=1) == []
    entries = rev.control("GET", "journal")
    assert [(one["kind"], one["by"], one["planted"]) for one in entries] == [
        ("record_planted", "control", True),
        ("record_deleted", "person", True),
    ]
    assert entries[0]["record"]["fields"] == REGULAR | {"service_id": None}


def test_a_person_s_line_is_told_from_a_call_s_in_the_journal(rev: SimulatorClient) -> None:
    rev.create("8901")
    key = person(rev, "makes", service=line(1) | {"created_date": "2026-01-02T03:04:05"})
    rev.control("POST", "services?account=acme", line(1))
    assert journal(rev, "8901") == [("service_created", by) for by in ("api", "person", "control")]
    assert rev.call("GET", f"Services/{key}").json()["created_date"] == "2026-01-02T03:04:05"
    assert rev.control("GET", "lines") == {"8901": 3}


def test_a_person_moves_a_line_to_another_customer(rev: SimulatorClient) -> None:
    key = rev.create("8901").json()["id"]
    person(rev, "moves", line=key, customer_id=2)
    assert rev.records(customer_id=1) == []
    assert [one["service_id"] for one in rev.records(customer_id=2)] == [key]
    assert journal(rev, "8901")[-1] == ("service_moved", "person")


def test_a_person_renumbers_a_line_and_every_filter_knows(rev: SimulatorClient) -> None:
    key = rev.call("POST", "Services", line(1) | {"number": "555"}).json()["id"]
    person(rev, "renumbers", line=key, number="+1 556")
    assert rev.records(number="555") == []
    assert rev.records(number="+1 556")[0]["number2"] == "8901"
    person(rev, "renumbers", line=key, number=None)
    assert rev.records(customer_id=1)[0]["number"] is None
    assert [kind for kind, _ in journal(rev, "8901")].count("service_renumbered") == 2


def test_a_swapped_sim_is_in_the_journal_of_both_sims(rev: SimulatorClient) -> None:
    key = rev.create("8901").json()["id"]
    person(rev, "swaps_sim", line=key, number2="8902")
    assert rev.records(number2="8901") == []
    assert rev.records(number2="8902")[0]["service_id"] == key
    for number2 in ("8901", "8902"):
        assert journal(rev, number2)[-1] == ("service_sim_swapped", "person")
    entry = rev.control("GET", "journal")[-1]
    assert (entry["before"]["number2"], entry["service"]["number2"]) == ("8901", "8902")


def test_a_person_ends_a_line_now_or_later_and_takes_it_back(rev: SimulatorClient) -> None:
    key = rev.create("8901").json()["id"]
    person(rev, "disconnects", line=key, on="2999-01-01T00:00:00")
    assert rev.records(customer_id=1)[0]["disconnected_date"] == "2999-01-01T00:00:00"
    assert rev.control("GET", "lines") == {"8901": 1}
    person(rev, "disconnects", line=key)
    assert rev.control("GET", "lines") == {}
    person(rev, "reactivates", line=key)
    assert rev.records(customer_id=1)[0]["disconnected_date"] is None
    assert [by for _, by in journal(rev, "8901")] == ["api", "person", "person", "person"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"does": "moves", "line": 1}, "422"),
        ({"does": "renumbers", "line": 1}, "422"),
        ({"does": "disconnects"}, "422"),
        ({"does": "makes"}, "422"),
        ({"does": "moves", "line": 1, "customer_id": 2}, "404"),
        ({"does": "makes", "service": line(1), "account": "nobody"}, "404"),
    ],
)
def test_a_deed_that_makes_no_sense_is_refused(rev: SimulatorClient, wrong: dict[str, Any], status: str) -> None:
    with pytest.raises(requests.HTTPError, match=status):
        rev.control("POST", "people", {"account": "acme"} | wrong)


def test_a_person_acts_right_before_a_call_or_right_after_it(rev: SimulatorClient) -> None:
    makes = {"does": "makes", "account": "acme", "service": line(1)}
    rev.fault("person_first", numbers=["8901"], deeds=[makes], times=1)
    rev.create("8901")
    assert [by for _, by in journal(rev, "8901")] == ["person", "api"]
    rev.fault("person_then", method="GET", deeds=[makes | {"service": line(1, "8902")}], times=1)
    assert rev.records(number2="8902") == []
    assert len(rev.records(number2="8902")) == 1


def test_a_deed_about_a_line_that_is_gone_is_skipped_in_a_fault(rev: SimulatorClient) -> None:
    rev.fault("person_first", deeds=[{"does": "deletes", "account": "acme", "line": 5}], times=1)
    assert rev.create("8901").status_code == 201

"""Dates in the vendor's local time, waits that make no sense, one line that is refused, products answered late."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.people import Deed, carry_out
from local.simulators.revio.ledger.records import value_of
from local.simulators.revio.ledger.seed import Service
from local.simulators.revio.ledger.state_file import StateFile
from local.stack.settings import REPOSITORY
from tests.flow import Clock
from tests.local.simulators.revio.simulated import SEED, SimulatorClient, line

ZONES = ["Pacific/Auckland", "Pacific/Honolulu", "Europe/Berlin", "UTC"]
ABSURD = ["1764400000", "-5", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", ""]


@pytest.mark.parametrize("zone", ZONES)
def test_a_line_is_dated_in_the_vendor_s_local_time_without_a_zone(rev: SimulatorClient, zone: str) -> None:
    rev.control("PATCH", "settings", {"time_zone": zone})
    rev.create()
    said = datetime.fromisoformat(rev.records()[0]["created_date"])
    assert said.tzinfo is None
    assert abs(said.replace(tzinfo=ZoneInfo(zone)) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("zone", ZONES)
def test_a_line_ends_at_the_start_of_the_vendor_s_local_day(rev: SimulatorClient, zone: str) -> None:
    rev.control("PATCH", "settings", {"time_zone": zone})
    key, day = rev.create().json()["id"], "2026-01-02T00:00:00"
    rev.call("DELETE", "Services", {"service_id": key, "effective_date": day})
    assert rev.records()[0]["disconnected_date"] == day
    kept = datetime.fromisoformat(rev.control("GET", "journal")[-1]["service"]["disconnected_date"])
    assert kept.replace(tzinfo=UTC) == datetime(2026, 1, 2, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("zone", ZONES)
def test_new_lines_are_those_of_the_vendor_s_local_time(rev: SimulatorClient, zone: str) -> None:
    rev.control("PATCH", "settings", {"time_zone": zone})
    rev.create()
    local = datetime.now(ZoneInfo(zone)).replace(tzinfo=None)
    for minutes, lines in ((-5, 1), (5, 0)):
        start = (local + timedelta(minutes=minutes)).isoformat()
        assert len(rev.records(created_date_start=start)) == lines
        assert len(rev.records(created_date_start=f"{datetime.now(UTC) + timedelta(minutes=minutes):%FT%TZ}")) == lines


def test_an_account_can_have_a_zone_of_its_own(rev: SimulatorClient) -> None:
    rev.control("POST", "services?account=acme", line(1) | {"created_date": "2026-01-02T00:00:00"})
    rev.control("PATCH", "settings", {"time_zone": "Asia/Tokyo", "account_time_zones": {"acme": "Pacific/Honolulu"}})
    assert rev.records()[0]["created_date"] == "2026-01-01T14:00:00"
    rev.control("PATCH", "settings", {"account_time_zones": {}})
    assert rev.records()[0]["created_date"] == "2026-01-02T09:00:00"
    assert rev.call("GET", f"Services/{rev.records()[0]['service_id']}").json()["created_date"] == "2026-01-02T09:00:00"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Honolulu"])
def test_a_date_at_the_end_of_the_calendar_is_shown_in_any_zone(rev: SimulatorClient, zone: str, moment: str) -> None:
    rev.control("PATCH", "settings", {"time_zone": zone})
    rev.control("POST", "services?account=acme", line(1) | {"disconnected_date": moment})
    assert rev.records()[0]["disconnected_date"][:4] in {"0001", "9999"}


def test_a_zone_that_does_not_exist_is_refused(rev: SimulatorClient) -> None:
    for wrong in ({"time_zone": "Mars/Olympus"}, {"account_time_zones": {"acme": "../x"}}):
        with pytest.raises(requests.HTTPError, match="422"):
            rev.control("PATCH", "settings", wrong)


@pytest.mark.parametrize("said", ABSURD)
@pytest.mark.parametrize(("effect", "status"), [("throttle_header", 429), ("quota", 403), ("error_before", 500)])
def test_a_wait_can_make_no_sense(rev: SimulatorClient, effect: str, status: int, said: str) -> None:
    rev.fault(effect, retry_after=said, times=1)
    answer = rev.create()
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, said)
    assert rev.made() == 0
    assert rev.create().status_code == 201


def test_a_wait_in_the_text_alone_can_make_no_sense(rev: SimulatorClient) -> None:
    rev.fault("throttle_body", retry_after="1764400000", times=1)
    assert "Try again in 1764400000 seconds" in rev.create().json()["message"]


def test_reading_one_line_is_refused_for_ever_and_no_other(rev: SimulatorClient) -> None:
    refused, other = (rev.create(number).json()["id"] for number in ("8901", "8902"))
    rev.fault("reject_object", method="GET", path="/v1/*", lines=[refused])
    for _ in range(2):
        assert rev.call("GET", f"Services/{refused}").status_code == 400
        assert rev.call("GET", "ServiceProduct", service_id=refused).status_code == 400
    assert rev.call("GET", f"Services/{other}").status_code == 200
    assert len(rev.records(customer_id=1)) == 2


def test_looking_up_one_number_is_refused_for_ever_and_no_other(rev: SimulatorClient) -> None:
    for number in ("8901", "8902"):
        rev.create(number)
    rev.fault("reject_object", method="GET", path="/v1/*", numbers=["8901"])
    assert [rev.call("GET", "Services", number2=number).status_code for number in ("8901", "8902")] == [400, 200]
    assert rev.call("GET", "Services", customer_id=1).status_code == 200


def test_one_account_is_refused_for_a_while_and_no_other(rev: SimulatorClient) -> None:
    rule = {"effect": "unauthorized", "method": "*", "path": "/v1/*"}
    rev.control("POST", "faults", rule | {"account": "another"})
    assert rev.create().status_code == 201
    key = rev.control("POST", "faults", rule | {"account": "acme"})["id"]
    assert [rev.create().status_code, rev.call("GET", "Services").status_code] == [401, 401]
    rev.control("DELETE", f"faults/{key}")
    rev.control("DELETE", f"faults/{key}")
    assert len(rev.control("GET", "faults")) == 1
    assert rev.create().status_code == 201


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("effect", "done"),
    [("timeout_before", 0), ("timeout_after", 1), ("slow_after", 1), ("drop_before", 0), ("drop_after", 1)],
)
def test_the_answer_about_a_product_can_be_lost(rev: SimulatorClient, method: str, effect: str, done: int) -> None:
    service = rev.create().json()["id"]
    body: dict[str, Any] = {"service_id": service, "product_id": 31, "customer_id": 1, "rate": 2.5}
    if method == "DELETE":
        body = {"service_product_id": rev.call("POST", "ServiceProduct", body).json()["id"]}
    rev.fault(effect, method=method, path="/v1/ServiceProduct", seconds=30, times=1)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        rev.call(method, "ServiceProduct", body, timeout=0.2)
    products = rev.call("GET", "ServiceProduct", service_id=service).json()["records"]
    found = sum(one["status"] == "DISCONNECTED" for one in products) if method == "DELETE" else len(products)
    assert found == done


def test_a_product_can_be_made_after_its_caller_has_left(rev: SimulatorClient) -> None:
    service = rev.create().json()["id"]
    rev.fault("slow", path="/v1/ServiceProduct", seconds=0.4, times=1)
    body = {"service_id": service, "product_id": 31, "customer_id": 1, "rate": 2.5}
    with pytest.raises(requests.ReadTimeout):
        rev.call("POST", "ServiceProduct", body, timeout=0.1)
    until = time.monotonic() + 5
    while not rev.call("GET", "ServiceProduct", service_id=service).json()["records"] and time.monotonic() < until:
        time.sleep(0.02)
    assert rev.call("GET", "ServiceProduct", service_id=service).json()["record_count"] == 1


def test_deeds_and_raw_records_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    file = StateFile(tmp_path / "state.jsonl")
    ledger = Ledger(SEED, file, clock.seconds)
    made = ledger.create_service("acme", Service(customer_id=1, provider_id=21, number2="8901"))
    ledger.plant_record("acme", {"service_id": 5, "customer_id": None, "number2": 8.9148e19}, 1)
    gone = ledger.plant_record("acme", {"service_id": None}, 1)
    for deed in (
        Deed(does="moves", account="acme", line=made.service_id, customer_id=2),
        Deed(does="swaps_sim", account="acme", line=made.service_id, number2="8902"),
        Deed(does="deletes", account="acme", line=gone),
    ):
        carry_out(ledger, deed)
    file.close()
    again = Ledger(SEED, StateFile(tmp_path / "state.jsonl"), clock.seconds).accounts["acme"]
    assert again.shown == ledger.accounts["acme"].shown
    assert {value_of(one, "number2") for one in again.shown.values()} == {"8902", 8.9148e19}
    assert again.find_services(customer_id=2, number=None, number2="8902", now=0) == [made.service_id]
    assert again.find_services(customer_id=1, number=None, number2=None, now=0) == [5]


def test_the_process_refuses_settings_that_make_no_sense() -> None:
    command = [
        sys.executable,
        "-m",
        "local.simulators.revio",
        "--port=1",
        "--settings",
        '{"time_zone": "Mars/Olympus"}',
    ]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode != 0
    assert "is not a time zone" in ended.stderr

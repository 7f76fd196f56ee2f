"""The simulator itself: its limits, what users may do, what survives its end; over HTTP where the wire matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local.rev_simulator.app import Simulator, make_app
from local.rev_simulator.budget import Budget
from local.rev_simulator.ledger import Ledger
from local.rev_simulator.seed import Account, Customer, Provider, Seed, User
from local.rev_simulator.settings import Settings
from local.rev_simulator.state_file import StateFile, StateFileTaken
from local.rev_simulator.vendor import Refused, Vendor

USERS = {
    "writer": User(login="writer", password="w"),
    "reader": User(login="reader", password="r", read_only=True),
    "limited": User(login="limited", password="l", customers=[2]),
}
SEED = Seed(
    accounts=[
        Account(
            name="acme",
            client_code="ACM",
            subscription_key="key",
            users=list(USERS.values()),
            customers=[Customer(customer_id=number, company_name=f"Customer {number}") for number in (1, 2)],
            providers=[Provider(provider_id=21, description="Carrier")],
        )
    ]
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(SEED, StateFile(None), clock)


@pytest.fixture
def web(ledger: Ledger) -> Iterator[TestClient]:
    with TestClient(make_app(Simulator(ledger, Settings()))) as client:
        client.auth = ("writer@ACM", "w")
        client.headers["Ocp-Apim-Subscription-Key"] = "key"
        yield client


def as_user(ledger: Ledger, login: str, **settings: Any) -> Vendor:
    return Vendor(ledger, "acme", USERS[login], Settings(**settings))


def line(customer: int, number: str = "8901") -> dict[str, Any]:
    return {"customer_id": customer, "provider_id": 21, "number2": number}


def test_a_minute_slides_and_what_is_turned_away_costs_nothing(clock: Clock) -> None:
    budget, limits = Budget(clock), Settings(calls_per_minute=2)
    assert budget.admit(limits) is None
    clock.now += 40
    assert budget.admit(limits) is None
    away = budget.admit(limits)
    assert away is not None
    assert (away.limit, away.retry_after) == ("minute", 20)
    clock.now += 20
    assert budget.admit(limits) is None
    assert budget.admit(limits) is not None


def test_a_day_s_quota_is_told_in_seconds_until_midnight_and_comes_back(clock: Clock) -> None:
    budget, limits = Budget(clock), Settings(calls_per_day=1)
    assert budget.admit(limits) is None
    away = budget.admit(limits)
    assert away is not None
    assert away.limit == "day"
    clock.now += away.retry_after
    assert budget.admit(limits) is None


def test_over_the_limit_the_wire_says_how_long_in_the_header_or_only_in_the_body(web: TestClient) -> None:
    web.patch("/_control/settings", json={"calls_per_minute": 0})
    with_header = web.get("/v1/Services")
    assert (with_header.status_code, with_header.headers["Retry-After"]) == (429, "60")
    web.patch("/_control/settings", json={"throttle_shape": "body"})
    without = web.get("/v1/Services")
    assert "Retry-After" not in without.headers
    assert "Try again in 60 seconds" in without.json()["message"]
    web.patch("/_control/settings", json={"calls_per_day": 0})
    quota = web.get("/v1/Services")
    assert quota.status_code == 403
    assert "Out of call volume quota" in quota.json()["message"]


@pytest.mark.parametrize("wrong", [{"auth": ("writer@ACM", "x")}, {"auth": ("writer@XXX", "w")}, {"key": "x"}])
def test_credentials_are_login_client_code_password_and_key(web: TestClient, wrong: dict[str, Any]) -> None:
    web.auth = wrong.get("auth", web.auth)
    web.headers["Ocp-Apim-Subscription-Key"] = wrong.get("key", "key")
    assert web.get("/v1/Services").status_code == 401


def test_a_reader_writes_nothing_and_a_limited_user_sees_only_its_customers(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="only read"):
        as_user(ledger, "reader").answer("POST", "/v1/Services", {}, line(1))
    _, made = as_user(ledger, "writer").answer("POST", "/v1/Services", {}, line(1))
    with pytest.raises(Refused, match="may not write for this customer"):
        as_user(ledger, "limited").answer("POST", "/v1/Services", {}, line(1))
    with pytest.raises(Refused, match="there is no service"):
        as_user(ledger, "limited").answer("GET", f"/v1/Services/{made['id']}", {}, None)
    assert as_user(ledger, "limited").answer("GET", "/v1/Services", {}, None)[1]["records"] == []


def test_the_same_number_makes_a_second_line_as_the_vendor_does(ledger: Ledger) -> None:
    ids = {as_user(ledger, "writer").answer("POST", "/v1/Services", {}, line(1))[1]["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (line(9), "customer_id 9 does not exist"),
        (line(1) | {"provider_id": 99}, "provider_id 99 does not exist"),
        (line(1) | {"colour": "red"}, "colour"),
        (line(1) | {"service_id": 5}, "without service_id"),
        ([], "JSON object"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_and_not_kept(ledger: Ledger, sent: Any, said: str) -> None:
    with pytest.raises(Refused, match=said):
        as_user(ledger, "writer").answer("POST", "/v1/Services", {}, sent)
    assert [entry.kind for entry in ledger.journal] == ["seeded"]


def test_a_search_misses_a_new_line_for_the_lag_and_its_id_finds_it_at_once(ledger: Ledger, clock: Clock) -> None:
    vendor = as_user(ledger, "writer", search_lag_seconds=30)
    _, made = vendor.answer("POST", "/v1/Services", {}, line(1))
    search = {"search.number2": "8901"}
    assert vendor.answer("GET", "/v1/Services", search, None)[1]["records"] == []
    assert vendor.answer("GET", f"/v1/Services/{made['id']}", {}, None)[1]["number2"] == "8901"
    clock.now += 31
    assert len(vendor.answer("GET", "/v1/Services", search, None)[1]["records"]) == 1


def test_what_was_made_survives_a_kill_and_half_a_line_does_not(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "state.jsonl"
    file = StateFile(path)
    as_user(Ledger(SEED, file, clock), "writer").answer("POST", "/v1/Services", {}, line(1))
    with pytest.raises(StateFileTaken, match="in use by another simulator"):
        StateFile(path)
    file.close()
    with path.open("a") as torn:
        torn.write('{"kind": "service_cre')
    again = Ledger(SEED, StateFile(path), clock)
    assert [one.number2 for one in again.accounts["acme"].services.values()] == ["8901"]
    assert path.read_text().endswith("\n")


def test_a_share_of_faults_is_the_same_every_time(ledger: Ledger) -> None:
    def statuses() -> list[int]:
        with TestClient(make_app(Simulator(Ledger(SEED, StateFile(None)), Settings(), seed=7))) as client:
            client.auth = ("writer@ACM", "w")
            client.headers["Ocp-Apim-Subscription-Key"] = "key"
            client.post("/_control/faults", json={"effect": "error_before", "share": 0.5})
            return [client.post("/v1/Services", json=line(1, str(n))).status_code for n in range(20)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {201, 500}

"""The simulator itself: its limits, what users may do, what survives its end; over HTTP where the wire matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.state_file import StateFile, StateFileTaken
from local.simulators.revio.server.limits import Budget
from local.simulators.revio.settings import Settings
from local.simulators.revio.vendor.account import Refused
from tests.flow import Clock
from tests.local.simulators.revio.simulated import SEED, as_user, create, line, read


def test_a_minute_slides_and_what_is_turned_away_costs_nothing(clock: Clock) -> None:
    budget, limits = Budget(clock.seconds), Settings(calls_per_minute=2)
    assert budget.admit(limits) is None
    clock.pass_seconds(40)
    assert budget.admit(limits) is None
    away = budget.admit(limits)
    assert away is not None
    assert (away.limit, away.retry_after) == ("minute", 20)
    clock.pass_seconds(20)
    assert budget.admit(limits) is None
    assert budget.admit(limits) is not None


def test_a_day_s_quota_is_told_in_seconds_until_midnight_and_comes_back(clock: Clock) -> None:
    budget, limits = Budget(clock.seconds), Settings(calls_per_day=1)
    assert budget.admit(limits) is None
    away = budget.admit(limits)
    assert away is not None
    assert away.limit == "day"
    clock.pass_seconds(away.retry_after)
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
    if "auth" in wrong:
        web.auth = wrong["auth"]
    web.headers["Ocp-Apim-Subscription-Key"] = wrong.get("key", "key")
    assert web.get("/v1/Services").status_code == 401


def test_a_reader_writes_nothing_and_a_limited_user_sees_only_its_customers(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="only read"):
        as_user(ledger, "reader").answer(create(line(1)))
    made = as_user(ledger, "writer").answer(create(line(1)))
    with pytest.raises(Refused, match="may not write for this customer"):
        as_user(ledger, "limited").answer(create(line(1)))
    with pytest.raises(Refused, match="there is no service"):
        as_user(ledger, "limited").answer(read(f"/v1/Services/{made.id}"))
    assert as_user(ledger, "limited").answer(read("/v1/Services")).json["records"] == []


def test_the_same_number_makes_a_second_line_as_the_vendor_does(ledger: Ledger) -> None:
    ids = {as_user(ledger, "writer").answer(create(line(1))).id for _ in range(2)}
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
        as_user(ledger, "writer").answer(create(sent))
    assert [entry.kind for entry in ledger.journal] == ["seeded"]


def test_what_was_made_survives_a_kill_and_half_a_line_does_not(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "state.jsonl"
    file = StateFile(path)
    as_user(Ledger(SEED, file, clock.seconds), "writer").answer(create(line(1)))
    with pytest.raises(StateFileTaken, match="in use by another simulator"):
        StateFile(path)
    file.close()
    with path.open("a") as torn:
        torn.write('{"kind": "service_cre')
    again = Ledger(SEED, StateFile(path), clock.seconds)
    assert [one.number2 for one in again.accounts["acme"].services.values()] == ["8901"]
    assert path.read_text().endswith("\n")

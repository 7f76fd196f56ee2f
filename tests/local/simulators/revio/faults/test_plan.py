"""The fault plan and the latencies: seeded, and the same for the same request whatever comes in between."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest
import requests

from local.simulators.revio.calls import Call
from local.simulators.revio.faults.draws import Draws, latency_seconds
from local.simulators.revio.faults.plan import Fault, FaultPlan, Plan
from local.simulators.revio.settings import Settings
from tests.local.simulators.revio.simulated import SimulatorClient, line

NUMBERS = [f"89{number}" for number in range(30)]
HALF_FAIL: dict[str, Any] = {"seed": 7, "faults": [{"effect": "error_before", "share": 0.5}]}


def drawn(plan: FaultPlan, number: str, time: int = 1) -> str:
    found = plan.draw(Call("POST", "/v1/Services", {}), [number], f"POST|{number}", time)
    return found.effect if found else ""


def fates(rev: SimulatorClient, numbers: list[str]) -> dict[str, int]:
    rev.control("POST", "reset")
    rev.control("PUT", "plan", HALF_FAIL)
    return {number: rev.create(number).status_code for number in numbers}


def test_the_same_seed_gives_a_request_the_same_fate_in_any_order(rev: SimulatorClient) -> None:
    first = fates(rev, NUMBERS)
    assert set(first.values()) == {201, 500}
    assert fates(rev, random.Random(1).sample(NUMBERS, len(NUMBERS))) == first


def test_another_seed_gives_other_fates() -> None:
    one, two = (FaultPlan(), FaultPlan())
    one.replace(Plan.model_validate(HALF_FAIL))
    two.replace(Plan.model_validate(HALF_FAIL | {"seed": 8}))
    assert [drawn(one, number) for number in NUMBERS] != [drawn(two, number) for number in NUMBERS]


def test_a_repetition_draws_anew_so_that_no_request_is_doomed() -> None:
    plan = FaultPlan()
    plan.replace(Plan.model_validate(HALF_FAIL))
    assert {drawn(plan, NUMBERS[0], time) for time in range(1, 20)} == {"", "error_before"}


def test_a_product_s_fate_hangs_on_its_sim_and_not_on_the_id_of_the_line(rev: SimulatorClient) -> None:
    def statuses(numbers: list[str]) -> dict[str, int]:
        rev.control("POST", "reset")
        rule = {"effect": "error_before", "path": "/v1/ServiceProduct", "share": 0.5}
        rev.control("PUT", "plan", {"seed": 3, "faults": [rule]})
        lines = {number: rev.create(number).json()["id"] for number in numbers}
        bodies = {number: {"service_id": key, "product_id": 31, "customer_id": 1} for number, key in lines.items()}
        return {number: rev.call("POST", "ServiceProduct", body).status_code for number, body in bodies.items()}

    first = statuses(NUMBERS[:12])
    assert set(first.values()) == {201, 500}
    assert statuses(NUMBERS[11::-1]) == first


def test_a_plan_replaces_all_rules_at_once(rev: SimulatorClient) -> None:
    rev.fault("unauthorized")
    assert rev.control("PUT", "plan", {"seed": 5, "faults": [{"effect": "quota"}, {"effect": "drip_after"}]}) == {
        "ids": [1, 2]
    }
    assert [one["effect"] for one in rev.control("GET", "faults").values()] == ["quota", "drip_after"]
    shown = rev.control("GET", "plan")
    assert shown["seed"] == 5
    assert rev.control("PUT", "plan", shown) == {"ids": [1, 2]}
    with pytest.raises(requests.HTTPError, match="422"):
        rev.control("PUT", "plan", {"faults": [{"effect": "nonsense"}]})
    assert len(rev.control("GET", "faults")) == 2


def test_after_lets_the_first_calls_through_and_times_ends_the_rule(rev: SimulatorClient) -> None:
    rev.fault("error_before", after=2, times=1)
    assert [rev.create(number).status_code for number in NUMBERS[:5]] == [201, 201, 500, 201, 201]


def test_tries_fails_each_request_s_first_coming(rev: SimulatorClient) -> None:
    rev.fault("error_before", tries=1)
    assert [rev.create(number).status_code for number in ("1", "2", "1", "2")] == [500, 500, 201, 201]


def test_the_first_rule_that_strikes_decides() -> None:
    plan = FaultPlan()
    plan.add(Fault(effect="quota", numbers=["1"]))
    plan.add(Fault(effect="error_before"))
    assert (drawn(plan, "1"), drawn(plan, "2")) == ("quota", "error_before")


def test_a_path_with_a_star_is_its_start_and_a_method_can_be_any() -> None:
    plan = FaultPlan()
    plan.add(Fault(effect="quota", method="*", path="/v1/Services/*"))
    assert plan.draw(Call("GET", "/v1/Services/5", {}), [], "a", 1) is not None
    assert plan.draw(Call("GET", "/v1/Services", {}), [], "b", 1) is None


def latencies(settings: Settings, seed: int = 1) -> list[float]:
    draws = Draws(seed)
    return [latency_seconds(settings, draws.fraction("latency", str(number), 1)) for number in range(4000)]


def test_a_uniform_latency_lies_between_its_ends() -> None:
    drawn = latencies(Settings(latency_shape="uniform", latency_ms=100, latency_high_ms=300))
    assert 0.1 <= min(drawn) < 0.11
    assert 0.29 < max(drawn) <= 0.3


def test_a_log_normal_latency_has_its_median_and_its_95th_percentile() -> None:
    drawn = latencies(Settings(latency_shape="log_normal", latency_ms=200, latency_high_ms=900))
    assert statistics.median(drawn) == pytest.approx(0.2, rel=0.1)
    assert statistics.quantiles(drawn, n=20)[-1] == pytest.approx(0.9, rel=0.1)


def test_latencies_are_the_same_for_a_seed_and_fixed_ones_do_not_vary() -> None:
    settings = Settings(latency_shape="uniform", latency_ms=1, latency_high_ms=2)
    assert latencies(settings) == latencies(settings)
    assert latencies(settings, 1) != latencies(settings, 2)
    assert set(latencies(Settings(latency_ms=70))) == {0.07}


def test_a_latency_without_its_ends_is_refused_and_changes_nothing(rev: SimulatorClient) -> None:
    for wrong in (
        {"latency_shape": "uniform"},
        {"latency_shape": "log_normal", "latency_high_ms": 5},
        {"latency_ms": -1},
    ):
        with pytest.raises(requests.HTTPError, match="422"):
            rev.control("PATCH", "settings", wrong)
    assert rev.control("GET", "settings") == Settings().model_dump()
    changed = {"latency_shape": "log_normal", "latency_ms": 20, "latency_high_ms": 60}
    assert rev.control("PATCH", "settings", changed)["latency_high_ms"] == 60
    assert rev.call("POST", "Services", line(1)).elapsed.total_seconds() > 0.001

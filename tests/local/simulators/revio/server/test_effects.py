"""Each effect of the fault plan over real HTTP: what the caller sees, and whether the line is there."""

from __future__ import annotations

import json
import time
from typing import get_args

import pytest
import requests

from local.simulators.revio.faults.plan import ONLY_ON, Effect
from tests.local.simulators.revio.simulated import SimulatorClient, line

UNREADABLE = ["html", "cut_json", "invalid_utf8", "no_id"]
MOMENTS = [("before", 0), ("after", 1)]


@pytest.mark.parametrize(
    ("effect", "status", "kind"),
    [
        ("reject_array", 400, list),
        ("reject_object", 400, dict),
        ("reject_html", 400, None),
        ("reject_text", 400, None),
        ("reject_empty", 400, None),
        ("throttle_header", 429, dict),
        ("throttle_body", 429, dict),
        ("throttle_bare", 429, dict),
        ("quota", 403, dict),
        ("forbidden", 403, dict),
        ("unauthorized", 401, dict),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_call_that_is_turned_away_does_nothing(
    rev: SimulatorClient, method: str, effect: str, status: int, kind: type | None
) -> None:
    service_id = rev.create("8900").json()["id"]
    rev.fault(effect, method=method, path="*", times=1)
    body = {"service_id": service_id} if method == "DELETE" else line(1)
    answer = rev.call(method, "Services", body)
    assert answer.status_code == status
    if kind is not None:
        assert isinstance(answer.json(), kind)
    assert rev.control("GET", "lines") == {"8900": 1}


def test_a_wait_is_told_in_the_header_in_the_text_or_not_at_all(rev: SimulatorClient) -> None:
    told = {}
    for effect in ("throttle_header", "throttle_body", "throttle_bare", "quota", "forbidden"):
        rev.fault(effect, seconds=7, times=1)
        answer = rev.create()
        told[effect] = (answer.headers.get("Retry-After"), "7 seconds" in answer.text)
    assert told == {
        "throttle_header": ("7", True),
        "throttle_body": (None, True),
        "throttle_bare": (None, False),
        "quota": ("7", True),
        "forbidden": (None, False),
    }


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
def test_an_error_comes_with_any_status_before_or_after_the_commit(
    rev: SimulatorClient, moment: str, lines: int, status: int
) -> None:
    rev.fault(f"error_{moment}", status=status, shape="html", times=1)
    answer = rev.create()
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, "text/html")
    assert rev.made() == lines


@pytest.mark.parametrize(
    ("shape", "text"), [("array", "["), ("object", "{"), ("html", "<"), ("text", "i"), ("empty", "")]
)
def test_an_error_s_body_has_the_shape_that_was_asked_for(rev: SimulatorClient, shape: str, text: str) -> None:
    rev.fault("error_before", shape=shape, times=1)
    assert rev.create().text[:1] == text


@pytest.mark.parametrize("effect", UNREADABLE)
@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
@pytest.mark.parametrize(("method", "status"), [("POST", 201), ("GET", 200), ("DELETE", 200)])
def test_a_success_can_be_unreadable(
    rev: SimulatorClient, method: str, status: int, effect: str, moment: str, lines: int
) -> None:
    planted = rev.create("8900").json()["id"]
    rev.fault(f"{effect}_{moment}", method=method, times=1)
    answer = rev.call(method, "Services", {"service_id": planted} if method == "DELETE" else line(1))
    assert answer.status_code == status
    with pytest.raises(ValueError):  # noqa: PT011 - no JSON, or no UTF-8: both are ValueErrors
        json.loads(answer.content)
    kept = rev.control("GET", "lines")
    assert kept.get("8901", 0) == (lines if method == "POST" else 0)
    assert kept.get("8900", 0) == (1 - lines if method == "DELETE" else 1)


@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_success_can_say_that_it_is_none(rev: SimulatorClient, method: str, moment: str, lines: int) -> None:
    planted = rev.create("8900").json()["id"]
    rev.fault(f"ok_false_{moment}", method=method, times=1)
    answer = rev.call(method, "Services", {"service_id": planted} if method == "DELETE" else line(1))
    assert (answer.ok, answer.json()["ok"]) == (True, False)
    assert rev.made() == (lines if method == "POST" else 0)


@pytest.mark.parametrize(("effect", "said"), [("id_zero", 0), ("id_null", None)])
@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
def test_an_id_can_be_none(rev: SimulatorClient, effect: str, said: object, moment: str, lines: int) -> None:
    rev.fault(f"{effect}_{moment}", times=1)
    assert rev.create().json() == {"ok": True, "id": said}
    assert rev.made() == lines


@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
def test_an_id_can_be_of_the_wrong_type(rev: SimulatorClient, moment: str, lines: int) -> None:
    rev.fault(f"id_text_{moment}", times=1)
    said = rev.create().json()["id"]
    assert isinstance(said, str)
    assert int(said) > 0
    assert rev.made() == lines


@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
def test_an_id_can_be_that_of_another_sim_s_line(rev: SimulatorClient, moment: str, lines: int) -> None:
    other = rev.create("8900").json()["id"]
    rev.fault(f"other_id_{moment}", times=1)
    assert rev.create("8901").json()["id"] == other
    assert rev.made("8901") == lines


@pytest.mark.parametrize(("moment", "products"), MOMENTS)
def test_a_product_s_id_can_be_that_of_another_line_s(rev: SimulatorClient, moment: str, products: int) -> None:
    lines = [rev.create(number).json()["id"] for number in ("8900", "8901")]
    bodies = [{"service_id": one, "product_id": 31, "customer_id": 1, "rate": 2.5} for one in lines]
    other = rev.call("POST", "ServiceProduct", bodies[0]).json()["id"]
    rev.fault(f"other_id_{moment}", path="/v1/ServiceProduct", numbers=["8901"])
    assert rev.call("POST", "ServiceProduct", bodies[1]).json()["id"] == other
    assert rev.call("GET", "ServiceProduct", service_id=lines[1]).json()["record_count"] == products


@pytest.mark.parametrize(("effect", "lines"), [("drop_before", 0), ("drop_after", 1), ("drop_midway_after", 1)])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_connection_can_be_cut(rev: SimulatorClient, method: str, effect: str, lines: int) -> None:
    rev.fault(effect, method=method, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        rev.call(method, "Services", line(1))
    assert rev.made() == (lines if method == "POST" else 0)


@pytest.mark.parametrize(("moment", "lines"), MOMENTS)
def test_a_caller_can_wait_in_vain(rev: SimulatorClient, moment: str, lines: int) -> None:
    rev.fault(f"timeout_{moment}", seconds=30, times=1)
    with pytest.raises(requests.ReadTimeout):
        rev.create(timeout=0.2)
    assert rev.made() == lines


def test_a_slow_call_is_carried_out_even_when_the_caller_has_left(rev: SimulatorClient) -> None:
    rev.fault("slow", seconds=0.4, times=1)
    with pytest.raises(requests.ReadTimeout):
        rev.create(timeout=0.1)
    assert rev.made() == 0
    until = time.monotonic() + 5
    while rev.made() == 0 and time.monotonic() < until:
        time.sleep(0.02)
    assert rev.made() == 1


def test_a_late_answer_tells_of_a_line_that_was_there_at_once(rev: SimulatorClient) -> None:
    rev.fault("slow_after", seconds=0.5, times=2)
    with pytest.raises(requests.ReadTimeout):
        rev.create(timeout=0.1)
    assert rev.made() == 1
    assert rev.create("8902").json()["ok"] is True


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_answer_can_be_huge(rev: SimulatorClient, method: str) -> None:
    rev.fault("huge_after", method=method, megabytes=50, times=1)
    answer = rev.call(method, "Services", line(1), timeout=30)
    assert len(answer.content) > 50 * 1024 * 1024
    assert answer.json()["ok"] is True


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_answer_can_drip_and_no_single_read_is_slow(rev: SimulatorClient, method: str) -> None:
    rev.fault("drip_after", method=method, seconds=0.6, every=0.05, times=1)
    began = time.monotonic()
    answer = rev.call(method, "Services", line(1), timeout=0.4)
    assert answer.json()["ok"] is True
    assert time.monotonic() - began > 0.5


def test_a_line_of_one_call_can_be_missing_from_searches_for_a_while(rev: SimulatorClient) -> None:
    rev.fault("search_lag", seconds=60, times=1)
    missing, found = (rev.create(number).json()["id"] for number in ("8901", "8902"))
    assert [one["service_id"] for one in rev.records(customer_id=1)] == [found]
    assert rev.records(number2="8901") == []
    assert rev.call("GET", f"Services/{missing}").json()["number2"] == "8901"


@pytest.mark.parametrize("effect", sorted(effect for group in get_args(Effect) for effect in get_args(group)))
def test_an_effect_is_refused_on_a_verb_where_it_makes_no_sense(rev: SimulatorClient, effect: str) -> None:
    wrong = {"POST": "GET", "GET": "POST"}.get(ONLY_ON.get(effect, ""))
    if wrong is None:
        rev.fault(effect, method="DELETE")
        return
    with pytest.raises(requests.HTTPError, match="422"):
        rev.fault(effect, method=wrong)

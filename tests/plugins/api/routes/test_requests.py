"""POST /M2M/AssociateCustomer and its preview: what is stored, answered, refused and sent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from device_association_airflow.api.body_limit import MAX_BYTES
from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.portal_client import Portal

PATH, PREVIEW = "/AssociateCustomer", "/AssociateCustomer/preview"
PLAIN = groups().plain
MIXED = [
    *PLAIN[:3],
    *(getattr(groups(), name)[0] for name in ("invalid", "not_found", "not_in_tenant", "archived", "in_other_change")),
    *(
        getattr(groups(), name)[0]
        for name in ("status_not_allowed", "other_customer", "has_active_service", "inherited")
    ),
]


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(one["Code"], one["Field"]) for one in answer.json()["Errors"]]


def test_a_request_is_stored_sent_and_answered_with_its_id(api: Portal, flow: Flow) -> None:
    answer = api.post(PATH, request(MIXED))
    change_id = answer.json()["ChangeId"]
    assert answer.status_code == 200
    assert answer.json() == {"Success": True, "ChangeId": change_id, "Accepted": 4, "Rejected": 8}
    assert len(flow.codes(change_id)) == 12
    assert api.queue.sent == [{"BulkChangeId": change_id, "RetryNumber": 0}]
    assert [one["sentdate"] is not None for one in flow.all("device_association", "outbox")] == [True]


def test_a_dead_queue_fails_no_request_and_the_change_says_that_it_waits(api: Portal, flow: Flow) -> None:
    api.queue.dead = True
    answer = api.post(PATH, request(PLAIN[:2]), **keyed("k"))
    assert answer.status_code == 200
    assert "waits" in answer.json()["Message"]
    (owed,) = flow.all("device_association", "outbox")
    assert (owed["kind"], owed["sentdate"]) == ("MESSAGE", None)
    assert api.post(PATH, request(PLAIN[:2]), **keyed("k")).json() == answer.json()


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("change", "user", "status", "error"),
    [
        ({}, None, 401, ("NOT_SIGNED_IN", "request")),
        ({}, "nobody", 403, ("PERMISSION_DENIED", "user")),
        ({}, "vic.viewer", 403, ("PERMISSION_DENIED", "user")),
        ({"RevCustomerId": world.BOREALIS}, "carl.clerk", 403, ("CUSTOMER_NOT_ACCESSIBLE", "RevCustomerId")),
        ({}, "olga.other", 404, ("CUSTOMER_NOT_FOUND", "RevCustomerId")),
        ({"RevCustomerId": world.CLOSED}, "dora.ops", 409, ("CUSTOMER_CLOSED", "RevCustomerId")),
        ({"Devices": ["1"] * 1001}, "dora.ops", 413, ("TOO_MANY_DEVICES", "Devices")),
        ({"Devices": []}, "dora.ops", 422, ("NO_DEVICES", "Devices")),
        ({"Devices": "8901"}, "dora.ops", 422, ("INVALID_REQUEST", "Devices")),
        ({"Devices": None}, "dora.ops", 422, ("INVALID_REQUEST", "Devices")),
        ({"Devices": ["8901\0"]}, "dora.ops", 422, ("INVALID_REQUEST", "Devices")),
        ({"Devices": ["9" * 5000]}, "dora.ops", 422, ("INVALID_REQUEST", "Devices.0")),
        ({"Colour": "red"}, "dora.ops", 422, ("INVALID_REQUEST", "Colour")),
        ({"CreateRevService": "yes"}, "dora.ops", 422, ("INVALID_REQUEST", "CreateRevService")),
        ({"Prorate": 1}, "dora.ops", 422, ("INVALID_REQUEST", "Prorate")),
        ({"ServiceProviderId": "1"}, "dora.ops", 422, ("INVALID_REQUEST", "ServiceProviderId")),
        ({"ServiceProviderId": 2**70}, "dora.ops", 422, ("INVALID_REQUEST", "ServiceProviderId")),
        ({"RateList": ["1e99999"]}, "dora.ops", 422, ("INVALID_REQUEST", "RateList.0")),
        ({"EffectiveDate": "1752-09-14T00:00:00Z"}, "dora.ops", 422, ("INVALID_REQUEST", "EffectiveDate")),
        ({"EffectiveDate": "9999-12-31T00:00:00Z"}, "dora.ops", 422, ("INVALID_REQUEST", "EffectiveDate")),
        ({"EffectiveDate": 1764028800}, "dora.ops", 422, ("INVALID_REQUEST", "EffectiveDate")),
        ({"EffectiveDate": "1764028800"}, "dora.ops", 422, ("INVALID_REQUEST", "EffectiveDate")),
        ({"EffectiveDate": "2026-03-08T02:30:00"}, "dora.ops", 422, ("INVALID_REQUEST", "EffectiveDate")),
        ({"Reason": "x" * 501}, "dora.ops", 422, ("INVALID_REQUEST", "Reason")),
    ],
)
@pytest.mark.parametrize("path", [PATH, PREVIEW])
def test_a_wrong_request_is_refused_alike_by_both_and_stores_nothing(
    api: Portal, flow: Flow, path: str, change: dict[str, Any], user: str | None, status: int, error: tuple[str, str]
) -> None:
    before = len(flow.all("dbo", "devicebulkchange"))
    answer = api.post(path, request(PLAIN[:2]) | change, user)
    assert (answer.status_code, answer.json()["Success"]) == (status, False)
    assert error in errors(answer)
    assert len(flow.all("dbo", "devicebulkchange")) == before
    assert api.queue.sent == []


@pytest.mark.only_reads
@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"Devices": [], "Devices": []}', b'{"RateList": [NaN]}'])
def test_a_body_that_is_no_plain_json_object_is_refused(api: Portal, body: bytes) -> None:
    answer = api.ask("POST", PATH, content=body)
    assert (answer.status_code, answer.json()["Errors"][0]["Code"]) == (422, "INVALID_REQUEST")


@pytest.mark.only_reads
def test_a_body_over_the_limit_is_refused_before_it_is_parsed(api: Portal) -> None:
    def parts() -> Any:
        for _ in range(MAX_BYTES // 65536 + 1):
            yield b"[" * 65536

    for more in ({"content": b"[" * (MAX_BYTES + 1)}, {"content": parts()}):
        answer = api.ask("POST", PATH, **more)
        assert (answer.status_code, errors(answer)) == (413, [("BODY_TOO_LARGE", "body")])


def test_the_same_key_gives_the_same_answer_for_a_day_whatever_the_order_of_the_fields(api: Portal, flow: Flow) -> None:
    before = len(flow.all("dbo", "devicebulkchange"))
    first = api.post(PATH, request(PLAIN[:2]), **keyed("k"))
    turned = dict(reversed(list(request(PLAIN[:2]).items())))
    assert api.post(PATH, turned, **keyed("k")).json() == first.json()
    assert len(flow.all("dbo", "devicebulkchange")) == before + 1
    assert len(api.queue.sent) == 1
    api.now += timedelta(hours=24, seconds=1)
    assert api.post(PATH, request(PLAIN[:2]), **keyed("k")).json()["ChangeId"] != first.json()["ChangeId"]


def test_a_key_with_another_body_is_refused_and_belongs_to_its_user(api: Portal) -> None:
    api.post(PATH, request(PLAIN[:2]), **keyed("k"))
    reused = api.post(PATH, request(PLAIN[2:4]), **keyed("k"))
    assert (reused.status_code, errors(reused)) == (409, [("IDEMPOTENCY_KEY_REUSED", "Idempotency-Key")])
    assert api.post(PATH, request(PLAIN[2:4]), "carl.clerk", **keyed("k")).status_code == 200


def test_a_refused_request_does_not_use_up_its_key(api: Portal) -> None:
    assert api.post(PATH, request([]), **keyed("k")).status_code == 422
    assert api.post(PATH, request(PLAIN[:1], RevCustomerId="0000"), **keyed("k")).status_code == 404
    assert api.post(PATH, request(PLAIN[:1]), **keyed("k")).status_code == 200


@pytest.mark.only_reads
@pytest.mark.parametrize("key", ["", "two words", "x" * 201])
def test_a_key_that_is_none_is_refused(api: Portal, key: str) -> None:
    answer = api.post(PATH, request(PLAIN[:1]), **keyed(key))
    assert (answer.status_code, errors(answer)) == (422, [("INVALID_REQUEST", "Idempotency-Key")])


@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_two_requests_at_once_with_one_key_make_one_change_and_get_one_answer(
    api: Portal, flow: Flow, times: int
) -> None:
    before = len(flow.all("dbo", "devicebulkchange"))
    body = request(PLAIN[:20])
    with ThreadPoolExecutor(2) as both:
        for number in range(times):
            asked = [both.submit(api.post, PATH, body, **keyed(f"k{number}")) for _ in range(2)]
            first, second = (one.result() for one in asked)
            assert (first.status_code, second.status_code) == (200, 200)
            assert first.json() == second.json()
    assert len(flow.all("dbo", "devicebulkchange")) == before + times


def test_a_preview_gives_each_device_the_verdict_that_the_request_will_and_stores_nothing(
    api: Portal, flow: Flow
) -> None:
    tables = [("dbo", "devicebulkchange"), ("dbo", "m2m_devicechange"), ("device_association", "device_lock")]
    before = [flow.all(*table) for table in tables]
    seen = api.post(PREVIEW, request(MIXED)).json()
    assert [flow.all(*table) for table in tables] == before
    assert api.queue.sent == []
    change_id = api.post(PATH, request(MIXED)).json()["ChangeId"]
    stored = {iccid: "ACCEPTED" if code == "NEW" else code for iccid, code in flow.codes(change_id).items()}
    assert {one["ICCID"]: one["Code"] for one in seen["Devices"]} == stored
    assert seen["Codes"]["INVALID_ICCID"] == 1
    assert sum(seen["Codes"].values()) == 12
    assert (seen["Accepted"], seen["Rejected"], seen["Lines"]) == (4, 8, 4)


def test_a_preview_says_how_long_the_lines_take_at_the_account_s_rate(api: Portal) -> None:
    seen = api.post(PREVIEW, request(PLAIN[:50])).json()
    assert (seen["Lines"], seen["CallsPerMinute"], seen["Seconds"]) == (50, 500, 6)
    without = api.post(PREVIEW, request(PLAIN[:50], CreateRevService=False)).json()
    assert (without["Lines"], without["Seconds"]) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://testserver"}, 200),
    ],
)
def test_a_request_with_the_cookie_must_come_from_a_page_of_ours(
    api: Portal, headers: dict[str, str], status: int
) -> None:
    api.client.cookies.set("_token", "dora.ops")
    answer = api.ask("POST", PATH, None, content=json.dumps(request(PLAIN[:1])), headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert errors(answer) == [("CROSS_SITE_REQUEST", "Origin")]

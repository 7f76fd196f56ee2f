from __future__ import annotations

from typing import Any

import pytest

from device_association.messaging.messages import Message, Verdict, decide, read_message, start_run
from local.sample_data import groups
from tests.flow import Flow, request


def attribute(value: str) -> dict[str, str]:
    return {"StringValue": value, "DataType": "String"}


@pytest.mark.parametrize(
    "received",
    [
        {"Body": '{"BulkChangeId": 12, "RetryNumber": 3}'},
        {"Body": '{"BulkChangeId": "12", "RetryNumber": "3"}'},
        {
            "Body": "see attributes",
            "MessageAttributes": {"BulkChangeId": attribute("12"), "RetryNumber": attribute("3")},
        },
    ],
)
def test_a_message_is_understood_by_its_body_or_its_attributes(received: dict[str, Any]) -> None:
    assert read_message(received) == Message(12, 3)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"BulkChangeId": null}',
        '{"BulkChangeId": -1}',
        '{"BulkChangeId": true}',
        '{"BulkChangeId": 1.5}',
        '{"BulkChangeId": "١٢"}',
        '{"BulkChangeId": 99999999999999999999}',
        '{"BulkChangeId": 1, "RetryNumber": -1}',
    ],
)
def test_garbage_is_said_to_be_unreadable(body: str) -> None:
    with pytest.raises(ValueError, match=r"BulkChangeId|RetryNumber"):
        read_message({"Body": body})


def test_the_change_decides_what_becomes_of_a_message(flow: Flow) -> None:
    refused = flow.create(request(groups().invalid)).change_id
    fresh = flow.create(request(groups().plain[:1])).change_id
    assert decide(flow.portal, Message(refused, 0)).verdict is Verdict.DELETE
    assert decide(flow.portal, Message(fresh, 0)).verdict is Verdict.START
    assert decide(flow.portal, Message(fresh, 1)).verdict is Verdict.LEAVE
    assert decide(flow.portal, Message(10**9, 0)).verdict is Verdict.LEAVE
    theirs = flow.all("dbo", "devicebulkchange")[0]["id"]
    assert decide(flow.portal, Message(theirs, 0)).verdict is Verdict.LEAVE


@pytest.mark.parametrize(
    ("existing", "living", "expected"),
    [
        (set(), set(), "bulk_change__7__0"),
        ({"bulk_change__7__0"}, {"bulk_change__7__0"}, "bulk_change__7__0"),
        ({"bulk_change__7__0"}, set(), "bulk_change__7__0__1"),
        ({"bulk_change__7__0", "bulk_change__7__0__1"}, set(), "bulk_change__7__0__2"),
    ],
)
def test_a_run_that_lives_is_kept_and_a_dead_one_gets_a_successor(
    existing: set[str], living: set[str], expected: str
) -> None:
    made = start_run(
        Message(7, 0),
        create_run=lambda run_id, _: run_id not in existing,
        is_run_active=lambda run_id: run_id in living,
    )
    assert made == expected

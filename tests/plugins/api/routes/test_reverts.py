"""Taking a change back in the portal: who may, what is answered, what the preview says, and what the page offers."""

from __future__ import annotations

from typing import Any

import pytest

from local.sample_data import groups
from tests.flow import Flow, request
from tests.portal_client import Portal, code_of

PLAIN = groups().plain
WHY = {"Reason": "wrong customer"}


@pytest.fixture
def ended(flow: Flow) -> int:
    """Give a change that ended with two devices processed and one refused."""
    return flow.run(request([*PLAIN[:2], groups().archived[0]])).bulk_change_id


def finish(flow: Flow, change_id: int) -> None:
    claim = flow.open(change_id)
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)


def test_a_revert_is_a_change_of_its_own_that_is_enqueued(api: Portal, flow: Flow, ended: int) -> None:
    answer = api.post(f"/BulkChanges/{ended}/revert", WHY).json()
    assert {name: answer[name] for name in ("Success", "Accepted", "Rejected")} == {
        "Success": True,
        "Accepted": 2,
        "Rejected": 0,
    }
    assert api.queue.sent == [{"BulkChangeId": answer["ChangeId"], "RetryNumber": 0}]
    finish(flow, answer["ChangeId"])
    seen = [api.get(f"/BulkChanges/{one}").json() for one in (ended, answer["ChangeId"])]
    assert [(one["Reverts"], one["RevertedBy"]) for one in seen] == [(None, answer["ChangeId"]), (ended, None)]
    assert (seen[1]["Reason"], seen[1]["Status"]) == ("wrong customer", "PROCESSED")


def test_a_preview_needs_no_reason_and_leaves_the_change_free(api: Portal, flow: Flow, ended: int) -> None:
    before = [flow.all("dbo", name) for name in ("devicebulkchange", "m2m_devicechange", "devicebulkchangelog")]
    seen = api.post(f"/BulkChanges/{ended}/revert/preview", {}).json()
    assert (seen["Accepted"], seen["Rejected"], seen["Lines"], seen["Codes"]) == (2, 0, 2, {"ACCEPTED": 2})
    assert [one["ICCID"] for one in seen["Devices"]] == list(PLAIN[:2])
    assert [flow.all("dbo", name) for name in ("devicebulkchange", "m2m_devicechange", "devicebulkchangelog")] == before
    assert api.queue.sent == []
    assert api.post(f"/BulkChanges/{ended}/revert", WHY).status_code == 200


@pytest.mark.parametrize("route", ["revert", "revert/preview"])
def test_what_cannot_be_taken_back_is_answered_by_its_code(api: Portal, flow: Flow, ended: int, route: str) -> None:
    running = flow.create(request(PLAIN[10:11])).change_id
    assert code_of(api.post(f"/BulkChanges/{running}/{route}", WHY)) == (409, "CHANGE_NOT_ENDED")
    second = api.post(f"/BulkChanges/{ended}/revert", WHY).json()["ChangeId"]
    assert code_of(api.post(f"/BulkChanges/{ended}/{route}", WHY)) == (409, "CHANGE_REVERTED")
    assert code_of(api.post(f"/BulkChanges/{second}/{route}", WHY)) == (409, "CHANGE_IS_REVERT")
    assert code_of(api.post(f"/BulkChanges/999/{route}", WHY)) == (404, "BULK_CHANGE_NOT_FOUND")


@pytest.mark.parametrize(
    "body", [{}, {"Reason": "  "}, {"Reason": "x" * 501}, {"Reason": "x", "Codes": ["A"]}, {"Reason": 5}]
)
def test_a_revert_says_why_and_nothing_else(api: Portal, flow: Flow, ended: int, body: dict[str, Any]) -> None:
    assert code_of(api.post(f"/BulkChanges/{ended}/revert", body)) == (422, "INVALID_REQUEST")
    assert flow.all("device_association", "reversal") == []


def test_a_retry_of_a_change_taken_back_is_refused(api: Portal, ended: int) -> None:
    api.post(f"/BulkChanges/{ended}/revert", WHY)
    assert code_of(api.post(f"/BulkChanges/{ended}/retry", WHY)) == (409, "CHANGE_REVERTED")


def test_a_revert_can_be_canceled_before_it_begins_and_retried(api: Portal, flow: Flow, ended: int) -> None:
    second = api.post(f"/BulkChanges/{ended}/revert", WHY).json()["ChangeId"]
    assert api.post(f"/BulkChanges/{second}/cancel", WHY).json()["Status"] == "CANCELED"
    assert flow.all("device_association", "device_lock") == []
    assert api.post(f"/BulkChanges/{second}/retry", WHY).json()["Accepted"] == 2
    finish(flow, second)
    assert (flow.status(second), len(flow.rev.ends)) == ("PROCESSED", 2)


def test_a_big_revert_needs_a_second_person_like_every_change(api: Portal, flow: Flow, ended: int) -> None:
    api.post("/ApprovalRule", {"MostDevices": 1})
    answer = api.post(f"/BulkChanges/{ended}/revert", WHY).json()
    assert "second person" in answer["Message"]
    assert (flow.status(answer["ChangeId"]), api.queue.sent) == ("PENDING_APPROVAL", [])
    assert code_of(api.post(f"/BulkChanges/{ended}/retry", WHY)) == (409, "CHANGE_REVERTED")


def test_the_revert_waits_while_the_queue_is_dead(api: Portal, ended: int) -> None:
    api.queue.dead = True
    assert "waits" in api.post(f"/BulkChanges/{ended}/revert", WHY).json()["Message"]

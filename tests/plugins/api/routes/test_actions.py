"""Cancel and retry: what they do to rows, holds, states and the queue, and to whom they are refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from device_association.domain.errors import ClaimLost, RevioRejected
from local.sample_data import groups
from tests.flow import Flow, request
from tests.portal_client import Portal, code_of

PLAIN = groups().plain
WHY = {"Reason": "wrong customer"}


def set_status(portal: Engine, change_id: int, status: str) -> None:
    with portal.begin() as connection:
        connection.execute(
            text("UPDATE dbo.DeviceBulkChange SET Status = :status WHERE id = :id"), {"status": status, "id": change_id}
        )


@pytest.mark.parametrize("status", ["NEW", "PENDING_APPROVAL"])
def test_a_change_that_nobody_works_on_is_canceled_at_once(
    api: Portal, flow: Flow, portal: Engine, status: str
) -> None:
    change_id = flow.create(request(PLAIN[:3])).change_id
    set_status(portal, change_id, status)
    answer = api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    assert (answer.status_code, answer.json()["Status"]) == (200, "CANCELED")
    assert flow.status(change_id) == "CANCELED"
    assert set(flow.codes(change_id).values()) == {"CANCELED_BY_USER"}
    assert flow.all("device_association", "device_lock") == []
    rows = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)
    assert {one["statusdetails"] for one in rows} == {"CANCELED_BY_USER: wrong customer"}
    kinds = [one["kind"] for one in flow.all("device_association", "outbox", bulkchangeid=change_id)]
    assert sorted(kinds) == ["MESSAGE", "NOTIFICATION"]
    with pytest.raises(ClaimLost):
        flow.open(change_id)


def test_a_change_in_work_begins_no_further_device_and_its_run_ends_it(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:3])).change_id
    claim = flow.open(change_id)
    flow.check(claim)
    answer = api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    assert (answer.status_code, answer.json()["Status"]) == (200, "PROCESSING")
    flow.lines(claim)
    assert flow.rev.posts == 0
    assert api.get(f"/BulkChanges/{change_id}").json()["StopReason"] == "wrong customer"
    assert flow.close(claim).status == "CANCELED"
    assert set(flow.codes(change_id).values()) == {"CANCELED_BY_USER"}


def test_a_second_cancel_finds_the_change_ended(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    assert code_of(api.post(f"/BulkChanges/{change_id}/cancel", WHY)) == (409, "CHANGE_ENDED")
    assert len(flow.all("device_association", "change_stop")) == 1


def test_what_another_program_works_on_is_canceled_there(api: Portal, flow: Flow, portal: Engine) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    set_status(portal, change_id, "PROCESSING")
    assert code_of(api.post(f"/BulkChanges/{change_id}/cancel", WHY)) == (409, "CHANGE_NOT_OURS")
    assert flow.all("device_association", "change_stop") == []


def test_a_retry_opens_what_failed_and_nothing_else(api: Portal, flow: Flow) -> None:
    flow.rev.refusing = {one: [RevioRejected("no such plan", status=400)] for one in PLAIN[:2]}
    change_id = flow.run(request([*PLAIN[:5], groups().not_found[0]])).bulk_change_id
    answer = api.post(f"/BulkChanges/{change_id}/retry", {"Reason": "plan was added"})
    assert answer.json() == {"Success": True, "ChangeId": change_id, "RetryNumber": 1, "Accepted": 2, "Rejected": 1}
    assert api.queue.sent[-1] == {"BulkChangeId": change_id, "RetryNumber": 1}
    codes = flow.codes(change_id)
    assert [codes[one] for one in PLAIN[:5]] == ["NEW", "NEW", "PROCESSED", "PROCESSED", "PROCESSED"]
    assert (flow.status(change_id), len(flow.all("device_association", "device_lock"))) == ("NEW", 2)
    said = [one["errortext"] or "" for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=change_id)]
    assert any("before this retry: REV_REJECTED" in one for one in said)

    claim = flow.open(change_id, "run 2")
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    closed = flow.close(claim)
    assert (closed.retry_number, closed.status) == (1, "PARTIALLY_PROCESSED")
    assert closed.codes == {"PROCESSED": 5, "DEVICE_NOT_FOUND": 1}
    assert len(flow.rev.kept) == 5


def test_a_retry_by_code_leaves_the_others_as_they_ended(api: Portal, flow: Flow) -> None:
    held = flow.create(request(PLAIN[:2])).change_id
    change_id = flow.create(request([*PLAIN[:2], groups().archived[0]])).change_id
    api.post(f"/BulkChanges/{held}/cancel", WHY)
    body = {"Reason": "free now", "Codes": ["DEVICE_IN_OTHER_CHANGE"]}
    answer = api.post(f"/BulkChanges/{change_id}/retry", body).json()
    assert (answer["Accepted"], answer["Rejected"]) == (2, 0)
    assert sorted(flow.codes(change_id).values()) == ["DEVICE_ARCHIVED", "NEW", "NEW"]


def test_a_retry_of_what_another_change_holds_by_now_is_refused_device_by_device(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2])).change_id
    api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    flow.create(request(PLAIN[1:2]))
    answer = api.post(f"/BulkChanges/{change_id}/retry", WHY).json()
    assert (answer["Accepted"], answer["Rejected"]) == (1, 1)
    assert flow.codes(change_id)[PLAIN[1]] == "DEVICE_IN_OTHER_CHANGE"


def test_a_retry_whose_devices_are_all_refused_ends_at_once_and_sends_nothing(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(groups().archived)).change_id
    answer = api.post(f"/BulkChanges/{change_id}/retry", WHY).json()
    assert (answer["Accepted"], answer["Rejected"]) == (0, 3)
    assert (flow.status(change_id), api.queue.sent) == ("ERROR", [])


def test_a_dead_queue_fails_no_retry(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    api.queue.dead = True
    answer = api.post(f"/BulkChanges/{change_id}/retry", WHY)
    assert (answer.status_code, "waits" in answer.json()["Message"]) == (200, True)
    assert api.get(f"/BulkChanges/{change_id}").json()["WaitsForQueue"] is True


def test_of_two_retries_at_once_one_wins(api: Portal, flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:5])).change_id
    api.post(f"/BulkChanges/{change_id}/cancel", WHY)
    with ThreadPoolExecutor(2) as both:
        asked = [both.submit(api.post, f"/BulkChanges/{change_id}/retry", WHY) for _ in range(2)]
        assert sorted(one.result().status_code for one in asked) == [200, 409]
    (state,) = flow.all("device_association", "change_state", bulkchangeid=change_id)
    assert state["retrynumber"] == 1


def test_there_is_nothing_to_retry_while_a_change_is_open_or_where_nothing_failed(api: Portal, flow: Flow) -> None:
    open_change = flow.create(request(PLAIN[:1])).change_id
    assert code_of(api.post(f"/BulkChanges/{open_change}/retry", WHY)) == (409, "CHANGE_NOT_ENDED")
    done = flow.run(request(PLAIN[1:2])).bulk_change_id
    assert code_of(api.post(f"/BulkChanges/{done}/retry", WHY)) == (409, "NOTHING_TO_RETRY")
    assert flow.status(done) == "PROCESSED"


@pytest.mark.parametrize("action", ["cancel", "retry"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "Reason"),
        ({"Reason": ""}, "Reason"),
        ({"Reason": "  "}, "Reason"),
        ({"Reason": "x" * 501}, "Reason"),
        ({"Reason": "a\0b"}, "Reason"),
        ({"Reason": 7}, "Reason"),
        ({"Reason": "r", "Colour": "red"}, "Colour"),
    ],
)
def test_a_body_without_a_reason_is_refused(
    api: Portal, flow: Flow, action: str, body: dict[str, Any], field: str
) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    refused = api.post(f"/BulkChanges/{change_id}/{action}", body)
    assert refused.status_code == 422
    assert [one["Field"] for one in refused.json()["Errors"]] == [field]
    assert flow.status(change_id) == "NEW"


@pytest.mark.parametrize("action", ["cancel", "retry"])
@pytest.mark.parametrize(
    ("user", "refused"),
    [("carl.clerk", (403, "PERMISSION_DENIED")), ("olga.other", (404, "BULK_CHANGE_NOT_FOUND"))],
)
def test_only_who_may_edit_and_see_a_change_may_touch_it(
    api: Portal, flow: Flow, action: str, user: str, refused: tuple[int, str]
) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    assert code_of(api.post(f"/BulkChanges/{change_id}/{action}", WHY, user)) == refused
    assert flow.status(change_id) == "NEW"


def test_a_cancel_and_a_run_that_claims_at_once_leave_one_of_the_two_ends(api: Portal, flow: Flow) -> None:
    def claim(change_id: int) -> bool:
        try:
            flow.open(change_id)
        except ClaimLost:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        for iccid in PLAIN[:15]:
            change_id = flow.create(request([iccid])).change_id
            claimed = both.submit(claim, change_id)
            canceled = both.submit(api.post, f"/BulkChanges/{change_id}/cancel", WHY)
            answer = canceled.result().json()
            assert answer["Status"] == ("PROCESSING" if claimed.result() else "CANCELED")
            assert flow.status(change_id) == answer["Status"]
            assert flow.codes(change_id)[iccid] == ("NEW" if claimed.result() else "CANCELED_BY_USER")

"""Changes that a second person has to approve: which they are, who may answer, and what each answer comes to."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from device_association.domain.errors import ClaimLost
from device_association.requests.approval_questions import take_questions
from device_association.requests.approvals import ANSWERED_WITHIN, expire_approvals
from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.portal_client import Portal

PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}
WHY = {"Reason": "checked with the customer"}
ASKER, SECOND = "carl.clerk", "dora.ops"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["Errors"][0]["Code"]


def status_of(flow: Flow, change_id: int) -> str:
    (change,) = flow.all("dbo", "devicebulkchange", id=change_id)
    return str(change["status"])


def ask(api: Portal, devices: Sequence[str], user: str = ASKER, **more: Any) -> dict[str, Any]:
    answer = api.post("/AssociateCustomer", request(devices, **WITHOUT_LINE | more), user)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def waiting(api: Portal, flow: Flow) -> int:
    """Give a change of the asker that waits for approval, because it has more than two devices."""
    assert api.post("/ApprovalRule", {"MostDevices": 2}).status_code == 200
    change_id = int(ask(api, PLAIN[:3])["ChangeId"])
    assert status_of(flow, change_id) == "PENDING_APPROVAL"
    return change_id


def test_a_change_below_every_threshold_starts_at_once(api: Portal, flow: Flow) -> None:
    api.post("/ApprovalRule", {"MostDevices": 2, "MostRejectedPercent": 50, "FirstUse": False})
    assert status_of(flow, ask(api, PLAIN[:2])["ChangeId"]) == "NEW"
    assert len(api.queue.sent) == 1


@pytest.mark.parametrize(
    ("rule", "devices", "said"),
    [
        ({"MostDevices": 2}, PLAIN[:3], "3 devices, more than 2"),
        ({"MostRejectedPercent": 40}, [*PLAIN[:1], "1"], "1 of 2 devices refused, more than 40 percent"),
        ({"FirstUse": True}, PLAIN[:1], "the first change for this customer"),
    ],
)
def test_each_threshold_lets_a_change_wait_and_says_why(
    api: Portal, flow: Flow, rule: dict[str, Any], devices: list[str], said: str
) -> None:
    api.post("/ApprovalRule", rule)
    asked = ask(api, list(devices))
    assert asked["Message"] == f"stored; it starts once a second person has approved it: {said}"
    seen = api.get(f"/BulkChanges/{asked['ChangeId']}").json()
    assert (seen["Status"], seen["Approval"]["Why"], seen["Approval"]["AskedBy"]) == ("PENDING_APPROVAL", said, ASKER)
    assert (api.queue.sent, flow.all("device_association", "device_lock")) == ([], [])
    with pytest.raises(ClaimLost, match="waits for approval"):
        flow.open(asked["ChangeId"])


def test_a_preview_says_that_the_change_would_wait_for_a_second_person(api: Portal) -> None:
    api.post("/ApprovalRule", {"MostDevices": 2})
    said = [
        api.post("/AssociateCustomer/preview", request(devices)).json()["NeedsApproval"]
        for devices in (PLAIN[:2], PLAIN[:3], ["1", "2", "3"])
    ]
    assert said == [None, "3 devices, more than 2", None]


def test_the_screen_shows_the_rule_and_lets_only_editors_change_it(screens: Portal) -> None:
    screens.post("/ApprovalRule", {"MostDevices": 250, "FirstUse": True})
    page = screens.get("/ui/approval").text
    assert 'value="250"' in page
    assert 'name="FirstUse" checked' in page
    assert "disabled" not in page
    shown = screens.get("/ui/approval", "vic.viewer").text
    assert '<fieldset class="panel" aria-labelledby="when" disabled>' in shown
    assert "Save" not in shown


def test_a_second_change_for_a_customer_is_no_first_use(api: Portal, flow: Flow) -> None:
    ask(api, PLAIN[:1])
    api.post("/ApprovalRule", {"FirstUse": True})
    assert status_of(flow, ask(api, PLAIN[1:2])["ChangeId"]) == "NEW"


def test_an_approved_change_is_checked_anew_enqueued_and_runs_to_its_end(api: Portal, flow: Flow, waiting: int) -> None:
    api.post("/ApprovalRule", {})
    ask(api, PLAIN[:1])  # meanwhile another change took one of the devices
    answer = api.post(f"/BulkChanges/{waiting}/approve", WHY, SECOND).json()
    assert (answer["Status"], answer["Accepted"], answer["Rejected"]) == ("NEW", 2, 1)
    assert api.queue.sent[-1] == {"BulkChangeId": waiting, "RetryNumber": 0}
    claim = flow.open(waiting)
    flow.check(claim)
    flow.associate(claim)
    assert flow.close(claim).codes == {"PROCESSED": 2, "DEVICE_IN_OTHER_CHANGE": 1}


def test_a_refused_change_ends_with_its_reason_and_its_retry_asks_anew(api: Portal, flow: Flow, waiting: int) -> None:
    assert api.post(f"/BulkChanges/{waiting}/refuse", {}, SECOND).status_code == 422
    answer = api.post(f"/BulkChanges/{waiting}/refuse", {"Reason": "not their SIMs"}, SECOND)
    assert answer.json()["Status"] == status_of(flow, waiting) == "CANCELED"
    assert set(flow.codes(waiting).values()) == {"APPROVAL_REFUSED"}
    assert api.post(f"/BulkChanges/{waiting}/retry", WHY, SECOND).status_code == 200
    assert status_of(flow, waiting) == "PENDING_APPROVAL"
    assert code_of(api.post(f"/BulkChanges/{waiting}/approve", WHY, SECOND)) == (403, "OWN_REQUEST")
    assert [one["kind"] for one in flow.all("device_association", "outbox", bulkchangeid=waiting)] == ["NOTIFICATION"]


def test_nobody_answers_an_own_request_and_who_may_not_edit_answers_none(api: Portal, waiting: int) -> None:
    api.post("/ApprovalRule", {"MostDevices": 2})
    own = ask(api, PLAIN[10:13], SECOND)["ChangeId"]
    for answer in ("approve", "refuse"):
        assert code_of(api.post(f"/BulkChanges/{own}/{answer}", WHY, SECOND)) == (403, "OWN_REQUEST")
        assert code_of(api.post(f"/BulkChanges/{waiting}/{answer}", WHY, ASKER)) == (403, "PERMISSION_DENIED")


def test_the_first_of_two_answers_counts_and_the_other_is_told_so(api: Portal, flow: Flow, waiting: int) -> None:
    with ThreadPoolExecutor(2) as both:
        paths = [f"/BulkChanges/{waiting}/{one}" for one in ("approve", "refuse")]
        answers = list(both.map(lambda path: api.post(path, WHY, SECOND), paths))
    assert sorted(one.status_code for one in answers) == [200, 409]
    (late,) = (one for one in answers if one.status_code == 409)
    assert late.json()["Errors"][0]["Code"] == "ALREADY_ANSWERED"
    assert "by dora.ops" in late.json()["Message"]
    assert status_of(flow, waiting) in {"NEW", "CANCELED"}


def test_what_nobody_answered_in_time_expires_and_cannot_be_approved_any_more(
    api: Portal, flow: Flow, waiting: int
) -> None:
    api.now += ANSWERED_WITHIN
    assert code_of(api.post(f"/BulkChanges/{waiting}/approve", WHY, SECOND)) == (409, "ALREADY_ANSWERED")
    assert expire_approvals(flow.portal, now=api.now - timedelta(seconds=1)) == 0
    assert expire_approvals(flow.portal, now=api.now) == 1
    assert expire_approvals(flow.portal, now=api.now) == 0
    assert status_of(flow, waiting) == "CANCELED"
    assert set(flow.codes(waiting).values()) == {"APPROVAL_EXPIRED"}


def test_a_change_that_waits_can_be_canceled_by_its_asker_s_team_and_then_waits_no_more(
    api: Portal, flow: Flow, waiting: int
) -> None:
    assert api.post(f"/BulkChanges/{waiting}/cancel", WHY, SECOND).json()["Status"] == "CANCELED"
    assert code_of(api.post(f"/BulkChanges/{waiting}/approve", WHY, SECOND)) == (409, "ALREADY_ANSWERED")
    assert set(flow.codes(waiting).values()) == {"CANCELED_BY_USER"}


def test_one_run_asks_about_all_that_none_asks_about_and_a_retry_is_asked_about_anew(
    api: Portal, flow: Flow, waiting: int
) -> None:
    later = [int(ask(api, PLAIN[3 * number : 3 * number + 3])["ChangeId"]) for number in (1, 2)]
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda run_id: take_questions(flow.portal, run_id, most=2), ("run 1", "run 2"))
    rest = take_questions(flow.portal, "run 3")
    assert sorted([*first, *second, *rest]) == [waiting, *later]
    assert take_questions(flow.portal, "run 1") == first
    assert take_questions(flow.portal, "run 4") == []

    api.post(f"/BulkChanges/{waiting}/refuse", WHY, SECOND)
    api.post(f"/BulkChanges/{waiting}/retry", WHY, SECOND)
    assert status_of(flow, waiting) == "PENDING_APPROVAL"
    assert take_questions(flow.portal, "run 5") == [waiting]


def test_a_form_s_run_leaves_its_change_to_the_answer(api: Portal, flow: Flow) -> None:
    api.post("/ApprovalRule", {"MostDevices": 2})
    change_id = flow.create(request(PLAIN[:3], **WITHOUT_LINE), ASKER, run_id="manual__1").change_id
    assert status_of(flow, change_id) == "PENDING_APPROVAL"
    with pytest.raises(ClaimLost, match="waits for approval"):
        flow.open(change_id, "manual__1")
    assert api.post(f"/BulkChanges/{change_id}/approve", WHY, SECOND).json()["Accepted"] == 3
    assert flow.open(change_id, "any run").bulk_change_id == change_id


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"MostDevices": 0}, "MostDevices"),
        ({"MostRejectedPercent": 101}, "MostRejectedPercent"),
        ({"MostRejectedPercent": 0}, "MostRejectedPercent"),
        ({"MostDevices": "many"}, "MostDevices"),
        ({"FirstUse": "yes"}, "FirstUse"),
        ({"Most": 1}, "Most"),
    ],
)
def test_a_threshold_that_is_none_is_refused_and_the_old_one_stays(
    api: Portal, rule: dict[str, Any], field: str
) -> None:
    api.post("/ApprovalRule", {"MostDevices": 7})
    refused = api.post("/ApprovalRule", rule)
    assert (refused.status_code, refused.json()["Errors"][0]["Field"]) == (422, field)
    assert api.get("/ApprovalRule").json()["MostDevices"] == 7


def test_the_thresholds_of_a_tenant_are_not_another_s(api: Portal, flow: Flow) -> None:
    api.post("/ApprovalRule", {"MostDevices": 1})
    assert api.get("/ApprovalRule", "olga.other").json()["MostDevices"] is None
    assert world.NORTHWIND in {one["tenantid"] for one in flow.all("device_association", "approval_rule")}

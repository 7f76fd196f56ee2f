"""A call whose outcome nobody learned before its change ended is looked up until it is known, and its device billed once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from device_association.bulk_changes.access import find_caller
from device_association.database.dialects import to_driver
from device_association.domain.codes import ChangeStatus
from device_association.domain.errors import RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.requests.actions import retry_change
from device_association.revio.lines import Line
from device_association.service_lines import in_doubt
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request
from tests.outcomes import Committed, ended_unknown, settle

PLAIN = groups().plain


def finish_retry(flow: Flow, change_id: int) -> dict[str, str]:
    claim = flow.open(change_id, "second run")
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    return flow.codes(change_id)


def findings(flow: Flow) -> list[tuple[str, bool]]:
    return [(one["kind"], one["closeddate"] is None) for one in flow.all("device_association", "finding")]


def test_a_line_that_shows_up_late_is_recorded_and_its_device_tried_again_once(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:3], Committed)
    assert settle(flow) == {"found": 3, "tried_again": 3}
    assert settle(flow) == {"tried_again": 0}
    (change,) = flow.all("dbo", "devicebulkchange", id=claim.bulk_change_id)
    (state,) = flow.all("device_association", "change_state", bulkchangeid=claim.bulk_change_id)
    assert (change["status"], state["retrynumber"], state["actor"]) == ("NEW", 1, "reconciliation")
    assert set(finish_retry(flow, claim.bulk_change_id).values()) == {"PROCESSED"}
    assert [len(flow.rev.lines_of(one)) for one in PLAIN[:3]] == [1, 1, 1]
    assert len([one for one in flow.all("dbo", "revservice") if one["number2"] in PLAIN[:3]]) == 3


def test_a_line_that_shows_up_late_is_mirrored_as_one_that_was_seen_at_once(flow: Flow) -> None:
    """The device has no activation date of its own: its status history has one."""
    late, usual = PLAIN[:2]
    with flow.portal.begin() as connection:
        for iccid in (late, usual):
            connection.execute(
                text("UPDATE dbo.Device SET DateActivated = NULL WHERE ICCID = :iccid"), {"iccid": iccid}
            )
            connection.execute(
                text(
                    "INSERT INTO dbo.DeviceStatusHistory (ICCID, CurrentStatus, DateOfChange)"
                    " SELECT :iccid, MIN(s.Status), :then FROM dbo.DeviceStatus AS s WHERE s.IsActiveStatus = 1"
                ),
                {"iccid": iccid, "then": to_driver(NOW - timedelta(days=9))},
            )
    flow.run(request([usual]))
    ended_unknown(flow, [late], Committed)
    settle(flow)
    mirrored = {one["number2"]: one["activateddate"] for one in flow.all("dbo", "revservice")}
    assert mirrored[late] == mirrored[usual] == NOW - timedelta(days=9)


def test_a_line_that_stays_absent_for_the_settle_time_is_told_as_safe_to_retry(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    assert settle(flow) == {"still_open": 1, "tried_again": 0}
    assert findings(flow) == []
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds)
    assert settle(flow) == {"absent": 1, "tried_again": 0}
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", True)]
    assert set(flow.codes(claim.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}
    assert flow.run(request(PLAIN[:1])).status == ChangeStatus.PROCESSED, "a later change may ask for the SIM"


def test_another_customer_is_refused_the_sim_until_the_call_is_no_longer_in_doubt(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    refused = flow.create(request(PLAIN[:1], RevCustomerId=world.BOREALIS)).change_id
    assert flow.codes(refused) == {PLAIN[0]: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}
    assert settle_later(flow)["absent"] == 1
    assert flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS)).status == ChangeStatus.PROCESSED


def retry(flow: Flow, change_id: int) -> None:
    with flow.portal.connect() as connection:
        person = find_caller(connection, "dora.ops")
    assert person is not None
    retry_change(flow.portal, person, change_id, reason="again", now=flow.clock())


def settle_later(flow: Flow) -> dict[str, int]:
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds)
    return settle(flow)


def test_a_finding_is_closed_when_its_device_was_tried_again(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    settle_later(flow)
    flow.clock.pass_seconds(60)
    retry(flow, claim.bulk_change_id)
    settle(flow)
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", False)]


def test_a_finding_is_closed_when_another_change_has_made_its_device_s_line(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    settle_later(flow)
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[:1], CreateRevService=False, ServiceTypeId=None, ProviderId=None))
    settle(flow)
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", True)], "that change asked for no line"
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[:1]))
    settle(flow)
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", False)]


def test_a_finding_is_closed_when_its_change_was_reverted_and_nobody_can_retry_it(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    settle_later(flow)
    reversals = flow.table("device_association", "reversal")
    with flow.portal.begin() as connection:
        link = {"bulkchangeid": claim.bulk_change_id + 1, "revertedchangeid": claim.bulk_change_id}
        connection.execute(reversals.insert().values(createddate=to_driver(flow.clock()), **link))
    settle(flow)
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", False)]


@pytest.mark.parametrize(
    ("error", "kind"), [(Committed, "OUTCOME_AMBIGUOUS"), (RevioOutcomeUnknown, "OUTCOME_SETTLED_ABSENT")]
)
def test_a_finding_stays_whatever_a_vain_retry_made_of_its_row_before(
    flow: Flow, error: type[RevioOutcomeUnknown], kind: str
) -> None:
    claim = ended_unknown(flow, PLAIN[:1], error)
    if error is Committed:
        flow.rev.kept.append(Line(88_001, int(world.ACME), PLAIN[0], PLAIN[0], NOW, None))
    flow.create(request(PLAIN[:1], CreateRevService=False, ServiceTypeId=None, ProviderId=None))
    flow.clock.pass_seconds(60)
    retry(flow, claim.bulk_change_id)
    assert flow.codes(claim.bulk_change_id) == {PLAIN[0]: "DEVICE_IN_OTHER_CHANGE"}
    settle_later(flow)
    settle(flow)
    assert findings(flow) == [(kind, True)]


def test_several_lines_of_one_sim_are_told_and_nobody_asks_for_it(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], Committed)
    flow.rev.kept.append(Line(88_001, int(world.ACME), PLAIN[0], PLAIN[0], NOW, None))
    assert settle(flow) == {"ambiguous": 1, "tried_again": 0}
    assert findings(flow) == [("OUTCOME_AMBIGUOUS", True)]


def test_a_line_is_found_though_filters_on_its_numbers_are_refused(flow: Flow) -> None:
    flow.rev.kept.append(Line(8, int(world.ACME), "15559999999", "8988888888888888896", NOW - timedelta(days=30), None))
    ended_unknown(flow, PLAIN[:1], Committed)
    shown = flow.rev.lines

    def lines(**filters: Any) -> Any:
        if filters.keys() & {"number", "number2"}:
            raise RevioRejected("GET /v1/Services was answered 400: unknown filter", status=400)
        return shown(**filters)

    flow.rev.lines = lines
    flow.clock.pass_seconds(600)
    assert settle(flow)["found"] == 1


def test_a_call_that_is_still_out_is_waited_for(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], Committed)
    intents = flow.table("device_association", "line_intent")
    lease = {"state": "CALLING", "unknownsince": None, "leaseuntil": to_driver(flow.clock.now), "leaseowner": "gone"}
    flow.clock.pass_seconds(-60)
    with flow.portal.begin() as connection:
        connection.execute(intents.update().where(intents.c.bulkchangeid == claim.bulk_change_id).values(**lease))
    assert settle(flow) == {"tried_again": 0}
    flow.clock.pass_seconds(60)
    assert settle(flow) == {"found": 1, "tried_again": 1}


def test_an_account_that_does_not_answer_is_asked_once_and_left_for_later(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:3], Committed)
    asked: list[Any] = []

    def silent(**filters: Any) -> Any:
        asked.append(filters)
        raise RevioRetryable("no answer")

    shown, flow.rev.lines = flow.rev.lines, silent
    assert settle(flow) == {"still_open": 2, "tried_again": 0}
    assert len(asked) == 1
    flow.rev.lines = shown
    assert settle(flow)["found"] == 3


def test_a_sweep_ends_its_look_ups_in_time_and_the_next_one_goes_on_with_the_others(flow: Flow) -> None:
    """The account's budget is small: each look-up takes a minute and more."""
    stay_open = ended_unknown(flow, PLAIN[:8], RevioOutcomeUnknown)
    for one in PLAIN[8:12]:
        flow.clock.pass_seconds(1)
        ended_unknown(flow, [one], Committed)
    flow.settings = flow.settings.model_copy(update={"rev_search_lag_seconds": 86400.0})
    shown = flow.rev.lines

    def slow(**filters: Any) -> Any:
        flow.clock.pass_seconds(70)
        return shown(**filters)

    flow.rev.lines = slow
    found, most = 0, timedelta()
    for _ in range(9):
        began = flow.clock()
        found += settle(flow).get("found", 0)
        most = max(most, flow.clock() - began)
        flow.clock.pass_seconds(120)
    assert most < in_doubt.LOOK_UPS_LAST + timedelta(minutes=5)
    assert found == 4, "those that stay open keep no other from its turn"
    assert set(flow.codes(stay_open.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}


def test_refused_credentials_are_raised_after_everything_else(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], Committed)

    def refused(**_: Any) -> Any:
        raise RevioUnauthorized("connection revio_northwind: 401", status=401)

    flow.rev.lines = refused
    with pytest.raises(RevioUnauthorized, match="revio_northwind"):
        settle(flow)
    assert flow.all("device_association", "change_stop") == []


def test_two_sweeps_at_once_and_one_killed_between_line_and_retry_bill_once(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = ended_unknown(flow, PLAIN[:4], Committed)
    with monkeypatch.context() as killed_after_the_lines:
        killed_after_the_lines.setattr(in_doubt, "retry_late_lines", lambda *_: 0)
        assert settle(flow)["found"] == 4
    with ThreadPoolExecutor(2) as sweeps:
        again = [one["tried_again"] for one in sweeps.map(lambda _: settle(flow), range(2))]
    assert sorted(again) == [0, 4]
    assert set(finish_retry(flow, claim.bulk_change_id).values()) == {"PROCESSED"}
    assert [len(flow.rev.lines_of(one)) for one in PLAIN[:4]] == [1, 1, 1, 1]

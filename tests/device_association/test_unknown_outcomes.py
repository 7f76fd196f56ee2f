"""A call whose outcome nobody learned before its change ended is looked up until it is known, and its device billed once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from device_association import unknown_outcomes
from device_association.claims import Claim
from device_association.codes import ChangeStatus
from device_association.dialects import to_driver
from device_association.errors import RevioOutcomeUnknown, RevioRetryable, RevioUnauthorized
from device_association.revio import Line
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

PLAIN = groups().plain


class Committed(RevioOutcomeUnknown):
    """Stands for a time-out after which the line is there."""

    committed = True


def settle(flow: Flow) -> dict[str, int]:
    return unknown_outcomes.settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)


def ended_unknown(flow: Flow, devices: list[str], error: type[RevioOutcomeUnknown]) -> Claim:
    """Give a change that ended without knowing what became of the calls; Rev.io showed nothing of them yet."""
    flow.rev.refusing = {one: [error("time-out")] for one in devices}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: iter(())
    claim = flow.open(flow.create(request(devices)).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    flow.associate(claim)
    flow.close(claim)
    flow.rev.lines = shown
    assert set(flow.codes(claim.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}
    return claim


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
    flow.clock.pass_seconds(flow.settings.rev_settle_seconds)
    assert settle(flow) == {"absent": 1, "tried_again": 0}
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", True)]
    assert set(flow.codes(claim.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}
    assert flow.run(request(PLAIN[:1])).status == ChangeStatus.PROCESSED, "a later change may ask for the SIM"


def test_a_finding_is_closed_when_its_device_says_something_else(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], RevioOutcomeUnknown)
    flow.clock.pass_seconds(flow.settings.rev_settle_seconds)
    settle(flow)
    devices = flow.table("dbo", "m2m_devicechange")
    with flow.portal.begin() as connection:
        connection.execute(
            devices.update().where(devices.c.bulkchangeid == claim.bulk_change_id).values(errorcode="REV_REJECTED")
        )
    settle(flow)
    assert findings(flow) == [("OUTCOME_SETTLED_ABSENT", False)]


def test_several_lines_of_one_sim_are_told_and_nobody_asks_for_it(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], Committed)
    flow.rev.kept.append(Line(88_001, int(world.ACME), PLAIN[0], PLAIN[0], NOW, None))
    assert settle(flow) == {"ambiguous": 1, "tried_again": 0}
    assert findings(flow) == [("OUTCOME_AMBIGUOUS", True)]


def test_a_call_that_is_still_out_is_waited_for(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:1], Committed)
    intents = flow.table("device_association", "rev_intent")
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


def test_refused_credentials_are_raised_after_everything_else(flow: Flow) -> None:
    ended_unknown(flow, PLAIN[:1], Committed)

    def refused(**_: Any) -> Any:
        raise RevioUnauthorized("connection revio_northwind: 401", status=401)

    flow.rev.lines = refused
    with pytest.raises(RevioUnauthorized, match="revio_northwind"):
        settle(flow)
    assert flow.all("device_association", "change_stop") == []


def test_two_sweeps_at_once_and_one_killed_between_line_and_retry_bill_once(flow: Flow) -> None:
    claim = ended_unknown(flow, PLAIN[:4], Committed)
    tried, unknown_outcomes._try_again = unknown_outcomes._try_again, lambda *_: 0  # killed after the lines
    try:
        assert settle(flow)["found"] == 4
    finally:
        unknown_outcomes._try_again = tried
    with ThreadPoolExecutor(2) as sweeps:
        again = [one["tried_again"] for one in sweeps.map(lambda _: settle(flow), range(2))]
    assert sorted(again) == [0, 4]
    assert set(finish_retry(flow, claim.bulk_change_id).values()) == {"PROCESSED"}
    assert [len(flow.rev.lines_of(one)) for one in PLAIN[:4]] == [1, 1, 1, 1]

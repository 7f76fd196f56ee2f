"""What was left lying is picked up: unsent messages, changes nobody works on, late ones, procedures not yet had."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from device_association.associations import associate
from device_association.bulk_changes.claims import Claim
from device_association.database.dialects import to_driver
from device_association.domain.codes import ChangeStatus
from device_association.maintenance import sweep as sweeping
from device_association.messaging import outbox
from local.sample_data import groups
from tests.flow import NOW, Flow, request

PLAIN = groups().plain
QUIET = timedelta(minutes=10)
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}


def sweep(flow: Flow, *alive: str) -> dict[str, int]:
    return sweeping.requeue_stalled(flow.portal, is_run_active=lambda run: run in alive, quiet=QUIET, now=flow.clock())


def sent(flow: Flow) -> list[dict[str, Any]]:
    """Send what is owed and return it; each message says when it was sent by the test's clock."""
    bodies: list[dict[str, Any]] = []
    outbox.flush_outbox(flow.portal, outbox.MESSAGE, bodies.append)
    with flow.portal.begin() as connection:
        connection.execute(
            text("UPDATE device_association.outbox SET SentDate = :now WHERE SentDate IS NOT NULL"),
            {"now": to_driver(flow.clock())},
        )
    return bodies


def asked(flow: Flow, *devices: str) -> int:
    change_id = flow.create(request(devices, **WITHOUT_LINE)).change_id
    sent(flow)
    return change_id


def body(change_id: int, retry: int = 0) -> dict[str, int]:
    return {"BulkChangeId": change_id, "RetryNumber": retry}


def status(flow: Flow, change_id: int) -> str:
    return str(flow.all("dbo", "devicebulkchange", id=change_id)[0]["status"])


def late(flow: Flow) -> int:
    return sweeping.close_overdue(
        flow.portal, run_id="sweep__now", is_run_active=lambda run: run == "alive", clock=flow.clock
    )


def test_a_message_whose_run_never_came_is_sent_again_after_a_quiet_time_and_then_ever_more_rarely(flow: Flow) -> None:
    change_id = asked(flow, *PLAIN[:2])
    assert sweep(flow) == {"in_work": 1}
    assert sent(flow) == []
    flow.clock.pass_seconds(600)
    assert sweep(flow)["enqueued"] == 1
    assert sent(flow) == [body(change_id)]
    flow.clock.pass_seconds(1199)
    assert "enqueued" not in sweep(flow)
    flow.clock.pass_seconds(1)
    assert sweep(flow)["enqueued"] == 1


def test_a_change_whose_run_lives_is_left_alone_and_one_whose_run_died_is_not(flow: Flow) -> None:
    change_id = asked(flow, *PLAIN[:2])
    flow.open(change_id, "alive")
    flow.clock.pass_seconds(600)
    assert "enqueued" not in sweep(flow, "alive")
    assert sweep(flow)["enqueued"] == 1
    assert sent(flow) == [body(change_id)]


def test_a_change_of_the_form_whose_run_died_gets_its_first_message(flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2], **WITHOUT_LINE), run_id="manual").change_id
    flow.clock.pass_seconds(600)
    assert sweep(flow)["enqueued"] == 1
    assert sent(flow) == [body(change_id)]


def test_two_sweeps_at_once_send_one_message(flow: Flow) -> None:
    change_id = asked(flow, *PLAIN[:2])
    flow.clock.pass_seconds(600)
    with ThreadPoolExecutor(4) as sweeps:
        list(sweeps.map(lambda _: sweep(flow), range(4)))
    assert sent(flow) == [body(change_id)]


def test_what_another_program_works_on_is_told_once_and_never_taken(flow: Flow) -> None:
    change_id = asked(flow, *PLAIN[:2])
    with flow.portal.begin() as connection:
        connection.execute(
            text("UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSING' WHERE id = :id"), {"id": change_id}
        )
    flow.clock.pass_seconds(6000)
    assert sweep(flow) == {"another_program": 1}
    assert sweep(flow) == {"another_program": 1}
    (finding,) = flow.all("device_association", "finding")
    assert (finding["kind"], finding["closeddate"]) == ("CHANGE_OF_ANOTHER_PROGRAM", None)
    assert sent(flow) == []


def test_a_change_that_left_the_other_program_s_hands_is_no_finding_any_more(flow: Flow) -> None:
    change_id = asked(flow, *PLAIN[:2])
    for status, ended, is_open in (("PROCESSING", None, True), ("PROCESSED", to_driver(NOW), False)):
        with flow.portal.begin() as connection:
            connection.execute(
                text("UPDATE dbo.DeviceBulkChange SET Status = :status, ProcessedDate = :ended WHERE id = :id"),
                {"status": status, "ended": ended, "id": change_id},
            )
        sweep(flow)
        (finding,) = flow.all("device_association", "finding")
        assert (finding["closeddate"] is None) is is_open


def test_what_cannot_be_sent_holds_up_nothing_behind_it(flow: Flow) -> None:
    first, second = (flow.create(request([one], **WITHOUT_LINE)).change_id for one in PLAIN[:2])
    went: list[object] = []

    def refuse_first(message: dict[str, object]) -> None:
        if message["BulkChangeId"] == first:
            raise ConnectionError("refused")
        went.append(message["BulkChangeId"])

    for _ in range(2):
        with pytest.raises(ConnectionError):
            outbox.flush_outbox(flow.portal, outbox.MESSAGE, refuse_first)
    assert went == [second]


def with_lines(flow: Flow, *devices: str) -> Claim:
    """Give a change in the middle of its run, with its lines made."""
    claim = flow.open(flow.create(request(devices)).change_id, "run")
    flow.check(claim)
    flow.lines(claim)
    return claim


def test_a_late_change_in_nobody_s_hands_is_brought_to_its_end_with_what_is_settled(flow: Flow) -> None:
    claim = with_lines(flow, *PLAIN[:3])
    flow.clock.pass_seconds(2 * 3600 + 60)
    assert late(flow) == 0, "the run that is started again has its grace"
    flow.clock.pass_seconds(1800)
    assert late(flow) == 1
    assert status(flow, claim.bulk_change_id) == ChangeStatus.PROCESSED
    assert {one["kind"] for one in flow.all("device_association", "outbox", bulkchangeid=claim.bulk_change_id)} == {
        "MESSAGE",
        "NOTIFICATION",
    }
    assert late(flow) == 0


def test_a_late_change_that_was_not_checked_ends_as_too_late(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id, "run")
    flow.check(claim)
    with flow.portal.begin() as connection:
        connection.execute(
            text("UPDATE device_association.change_state SET DeadlineDate = :then WHERE BulkChangeId = :id"),
            {"then": to_driver(NOW), "id": claim.bulk_change_id},
        )
    flow.clock.pass_seconds(7200)
    assert late(flow) == 1
    assert set(flow.codes(claim.bulk_change_id).values()) == {"DEADLINE_EXCEEDED"}


def test_a_late_change_whose_run_lives_is_that_run_s(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id, "alive")
    flow.check(claim)
    flow.lines(claim)
    flow.clock.pass_seconds(9 * 3600)
    assert late(flow) == 0
    assert status(flow, claim.bulk_change_id) == ChangeStatus.PROCESSING


def test_procedures_that_a_run_died_before_are_had_once(flow: Flow) -> None:
    claim = with_lines(flow, *PLAIN[:3])
    associate.associate_devices(flow.portal, claim, clock=flow.clock)
    flow.close(claim, ["update_cross_provider_device_history", "update_device_rev_service_links"])
    before = len(flow.all("dbo", "crossproviderdevicehistory"))
    assert sweeping.run_missing_procedures(flow.portal, now=flow.clock()) == 1
    assert len(flow.all("dbo", "crossproviderdevicehistory")) == before + 3
    assert sweeping.run_missing_procedures(flow.portal, now=flow.clock()) == 0


def test_procedures_of_a_change_that_is_tried_again_are_its_next_run_s(flow: Flow) -> None:
    closed = flow.run(request(PLAIN[:2], **WITHOUT_LINE))
    assert sweeping.run_missing_procedures(flow.portal, now=flow.clock()) == 0
    assert closed.status == ChangeStatus.PROCESSED

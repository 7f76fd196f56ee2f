"""Another program takes, ends or deletes a change while we are about it: one of us works on it, and nothing stays held."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from device_association.bulk_changes.access import PortalUser, Right, find_caller
from device_association.bulk_changes.claims import Claim
from device_association.domain.codes import ChangeStatus
from device_association.domain.errors import ClaimLost, RequestRefused
from device_association.maintenance import sweep as sweeping
from device_association.requests.actions import cancel_change
from device_association.revio.listings import Listing
from device_association.service_lines import in_doubt
from local.sample_data import groups
from tests.flow import Flow, request
from tests.outcomes import Committed

PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}


def execute(flow: Flow, statement: str, **binds: Any) -> None:
    with flow.portal.begin() as connection:
        connection.execute(text(statement), binds)


TAKES = "UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSING' WHERE id = :id AND Status = 'NEW'"
"""How the old worker takes a change."""


def in_the_same_instant(flow: Flow, statement: str, change_id: int, ours: Callable[[], Any]) -> Future[Any]:
    """Let the old worker do this to a change, and commit only when our work has read the change and waits, or is done."""
    with ThreadPoolExecutor(1) as pool, flow.portal.begin() as connection:
        connection.execute(text(statement), {"id": change_id})
        done = pool.submit(ours)
        give_up = time.monotonic() + 1.0
        while not done.done() and time.monotonic() < give_up:
            time.sleep(0.02)
    return done


def caller(flow: Flow) -> PortalUser:
    with flow.portal.connect() as connection:
        return find_caller(connection, "dora.ops", Right.EDIT)


def status(flow: Flow, change_id: int) -> str:
    return str(flow.all("dbo", "devicebulkchange", id=change_id)[0]["status"])


def sweep(flow: Flow, *alive: str) -> int:
    """Run the sweep's tasks about changes and calls."""
    lives = {"is_run_active": lambda run: run in alive}
    closed = sweeping.close_overdue(flow.portal, run_id="sweep", clock=flow.clock, **lives)
    in_doubt.settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)
    return closed


def holds(flow: Flow) -> list[int]:
    return [one["bulkchangeid"] for one in flow.all("device_association", "device_lock")]


def at_work(flow: Flow) -> set[str]:
    return {one["number"] for one in flow.all("device_association", "sim_at_work")}


def findings(flow: Flow) -> list[tuple[str, str]]:
    found = flow.all("device_association", "finding")
    return sorted((one["kind"], one["subject"]) for one in found if one["closeddate"] is None)


def test_a_change_that_the_old_worker_takes_in_the_same_instant_is_its_own(flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2])).change_id
    done = in_the_same_instant(flow, TAKES, change_id, lambda: flow.open(change_id))
    with pytest.raises(ClaimLost):
        done.result()
    (state,) = flow.all("device_association", "change_state", bulkchangeid=change_id)
    assert state["claimrunid"] is None
    with pytest.raises(ClaimLost, match="another program"):
        flow.open(change_id)


def test_a_change_that_a_run_of_ours_had_is_taken_again_by_it_and_from_it(flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2])).change_id
    flow.open(change_id, "first")
    assert flow.open(change_id, "first").run_id == "first"
    assert flow.open(change_id, "second", lives=lambda _: False).run_id == "second"


def test_a_change_that_the_old_worker_takes_in_the_instant_of_a_cancel_is_cancelled_there(flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:2], **WITHOUT_LINE)).change_id
    who = caller(flow)
    done = in_the_same_instant(
        flow, TAKES, change_id, lambda: cancel_change(flow.portal, who, change_id, reason="no", now=flow.clock())
    )
    with pytest.raises(RequestRefused, match="another program"):
        done.result()
    assert status(flow, change_id) == ChangeStatus.PROCESSING
    assert set(flow.codes(change_id).values()) == {"NEW"}


def working(flow: Flow, devices: tuple[str, ...]) -> Claim:
    claim = flow.open(flow.create(request(devices)).change_id, "alive")
    flow.check(claim)
    return claim


def test_a_row_that_another_program_ends_in_the_same_instant_keeps_its_end(flow: Flow) -> None:
    claim = working(flow, PLAIN[:2])
    flow.lines(claim)
    ends = "UPDATE dbo.M2M_DeviceChange SET Status = 'ERROR', ErrorCode = 'BY_HAND', IsProcessed = 1, HasErrors = 1"
    ends += f" WHERE BulkChangeId = :id AND ICCID = '{PLAIN[0]}'"
    in_the_same_instant(flow, ends, claim.bulk_change_id, lambda: flow.associate(claim)).result()
    assert flow.codes(claim.bulk_change_id) == {PLAIN[0]: "BY_HAND", PLAIN[1]: "PROCESSED"}


def delete(flow: Flow, change_id: int) -> None:
    execute(flow, "UPDATE dbo.DeviceBulkChange SET IsDeleted = 1 WHERE id = :id", id=change_id)


@pytest.mark.parametrize("state", ["NEW", "PROCESSING"])
def test_a_change_that_is_deleted_gives_its_devices_and_sims_free(flow: Flow, state: str) -> None:
    change_id = flow.create(request(PLAIN[:3])).change_id
    if state == "PROCESSING":
        flow.open(change_id, "alive")
    assert at_work(flow) >= set(PLAIN[:3])
    delete(flow, change_id)
    assert at_work(flow).isdisjoint(PLAIN[:3])
    sweep(flow, "alive")
    assert change_id not in holds(flow)
    (stored,) = flow.all("device_association", "change_state", bulkchangeid=change_id)
    assert stored["claimrunid"] is None
    assert status(flow, change_id) == ChangeStatus.CANCELED
    assert set(flow.codes(change_id).values()) == {"CANCELED_BY_USER"}
    assert flow.run(request(PLAIN[:3])).codes == {"PROCESSED": 3}


def test_no_further_call_begins_for_a_change_that_was_deleted_once_the_sweep_saw_it(flow: Flow) -> None:
    claim = working(flow, PLAIN[:3])
    delete(flow, claim.bulk_change_id)
    sweep(flow, "alive")
    with pytest.raises(ClaimLost):
        flow.lines(claim)
    assert flow.rev.posts == 0


def test_a_line_that_was_made_before_its_change_was_deleted_is_reported_until_its_device_has_it(flow: Flow) -> None:
    claim = working(flow, PLAIN[:2])
    flow.lines(claim)
    delete(flow, claim.bulk_change_id)
    sweep(flow, "alive")
    lines = {line.service_id for line in flow.rev.kept}
    assert findings(flow) == [("LINE_OF_DELETED_CHANGE", f"line 1/{one}") for one in sorted(lines)]
    assert {one["tenantid"] for one in flow.all("device_association", "finding")} == {1}
    flow.run(request(PLAIN[:2], **WITHOUT_LINE))
    sweep(flow)
    assert findings(flow) == []


def test_a_call_that_is_out_when_its_change_is_deleted_is_looked_up_and_its_line_reported(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [Committed("time-out")]}
    claim = working(flow, PLAIN[:1])
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    flow.lines(claim, last_try=True)
    delete(flow, claim.bulk_change_id)
    sweep(flow, "alive")
    assert findings(flow) == []
    assert PLAIN[0] in at_work(flow), "its call is out"
    flow.rev.lines = shown
    sweep(flow)
    sweep(flow)
    (line,) = flow.rev.kept
    assert findings(flow) == [("LINE_OF_DELETED_CHANGE", f"line 1/{line.service_id}")]
    assert PLAIN[0] not in at_work(flow)


def test_a_row_that_is_deleted_while_its_call_is_out_is_reported(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [Committed("time-out")]}
    claim = working(flow, PLAIN[:2])
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    flow.lines(claim, last_try=True)
    flow.rev.lines = shown
    execute(flow, "UPDATE dbo.M2M_DeviceChange SET IsDeleted = 1 WHERE ICCID = :iccid", iccid=PLAIN[0])
    flow.associate(claim)
    flow.close(claim)
    assert claim.bulk_change_id not in holds(flow)
    sweep(flow)
    sweep(flow)
    assert [kind for kind, _ in findings(flow)] == ["LINE_OF_DELETED_CHANGE"]


def test_a_change_whose_rows_are_gone_from_the_tables_holds_nothing_and_its_calls_are_reported(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [Committed("time-out")]}
    claim = working(flow, PLAIN[:3])
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    flow.lines(claim, last_try=True)
    flow.rev.lines = shown
    for statement in (
        "DELETE FROM dbo.DeviceBulkChangeLog WHERE BulkChangeId = :id",
        "DELETE FROM dbo.M2M_DeviceChange WHERE BulkChangeId = :id",
        "DELETE FROM dbo.DeviceBulkChange WHERE id = :id",
    ):
        execute(flow, statement, id=claim.bulk_change_id)
    sweep(flow, "alive")
    assert claim.bulk_change_id not in holds(flow)
    assert [kind for kind, _ in findings(flow)] == ["LOOK_UP_FAILED"]
    states = {one["iccid"]: one["state"] for one in flow.all("device_association", "line_intent")}
    assert states == {PLAIN[0]: "UNKNOWN", PLAIN[1]: "CREATED", PLAIN[2]: "CREATED"}


def test_a_change_that_another_program_ended_while_we_worked_on_it_holds_nothing_once_its_run_is_over(
    flow: Flow,
) -> None:
    claim = working(flow, PLAIN[:2])
    execute(
        flow,
        "UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSED', ProcessedDate = CreatedDate WHERE id = :id",
        id=claim.bulk_change_id,
    )
    sweep(flow, "alive")
    assert claim.bulk_change_id in holds(flow)
    sweep(flow)
    assert claim.bulk_change_id not in holds(flow)
    assert set(flow.codes(claim.bulk_change_id).values()) == {"STEP_FAILED"}


def test_a_change_that_waits_for_approval_and_one_that_goes_on_are_left_alone(flow: Flow) -> None:
    claim = working(flow, PLAIN[:2])
    execute(
        flow,
        "UPDATE dbo.DeviceBulkChange SET Status = 'PENDING_APPROVAL' WHERE id = :id",
        id=flow.create(request(PLAIN[2:4])).change_id,
    )
    before = sorted(holds(flow))
    sweep(flow, "alive")
    assert sorted(holds(flow)) == before
    assert status(flow, claim.bulk_change_id) == ChangeStatus.PROCESSING

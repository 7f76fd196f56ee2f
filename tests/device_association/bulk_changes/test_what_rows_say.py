"""A row that is still open when its change is closed says what is true of its line: that it is there and is billed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from device_association.associations import associate
from device_association.bulk_changes.access import Right, find_caller
from device_association.bulk_changes.claims import Claim
from device_association.database.dialects import to_driver
from device_association.maintenance import sweep
from device_association.requests.actions import cancel_change, retry_change
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}


def execute(flow: Flow, statement: str, **binds: Any) -> None:
    with flow.portal.begin() as connection:
        connection.execute(text(statement), {name: to_driver(value) for name, value in binds.items()})


def lose_site(flow: Flow) -> None:
    execute(flow, "UPDATE dbo.Site SET IsActive = 0 WHERE RevCustomerId = :id", id=world.customer_id(world.ACME))


def with_lines(flow: Flow, *devices: str, **asked: Any) -> Claim:
    claim = flow.open(flow.create(request(devices, **asked)).change_id)
    flow.check(claim)
    flow.lines(claim)
    return claim


def said(flow: Flow, claim: Claim) -> tuple[str, str, str]:
    """Return state, code and text of the change's only row; the log has the same text."""
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    logged = flow.all("dbo", "devicebulkchangelog", m2mdevicechangeid=row["id"])
    assert row["statusdetails"] in {one["errortext"] for one in logged}
    return row["status"], row["errorcode"], row["statusdetails"]


def line(flow: Flow) -> int:
    (found,) = flow.rev.kept
    return int(found.service_id)


def test_a_site_that_vanished_after_the_line_was_made_is_said_with_the_line(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    lose_site(flow)
    flow.associate(claim)
    flow.close(claim)
    status, code, text_of = said(flow, claim)
    assert (status, code) == ("ERROR", "CUSTOMER_HAS_NO_SITE")
    assert text_of.startswith("CUSTOMER_HAS_NO_SITE: customer 4711 (Acme Fleet) has no active site any more")
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_a_site_that_vanished_is_said_also_where_no_line_was_asked_for(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0], **WITHOUT_LINE)
    lose_site(flow)
    flow.associate(claim)
    flow.close(claim)
    status, code, text_of = said(flow, claim)
    assert (status, code) == ("ERROR", "CUSTOMER_HAS_NO_SITE")
    assert "billed" not in text_of


def test_a_late_change_says_that_the_line_is_there(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    execute(
        flow,
        "UPDATE device_association.change_state SET DeadlineDate = :then WHERE BulkChangeId = :id",
        then=NOW,
        id=claim.bulk_change_id,
    )
    flow.clock.pass_seconds(7200)
    flow.close(claim, ["associate_devices"])
    _, code, text_of = said(flow, claim)
    assert code == "DEADLINE_EXCEEDED"
    assert "Rev.io was not asked" not in text_of
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_a_late_change_that_the_sweep_cannot_associate_says_that_the_line_is_there(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = with_lines(flow, PLAIN[0])
    flow.clock.pass_seconds(9 * 3600)

    def fail(*_: Any, **__: Any) -> dict[str, int]:
        raise ValueError("poison")

    monkeypatch.setattr(associate, "associate_devices", fail)
    sweep.close_overdue(flow.portal, run_id="s", is_run_active=lambda _: False, clock=flow.clock)
    _, code, text_of = said(flow, claim)
    assert (code, "Rev.io was not asked" in text_of) == ("DEADLINE_EXCEEDED", False)
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_a_step_that_died_says_that_the_line_is_there(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    flow.close(claim, ["associate_devices"])
    status, code, text_of = said(flow, claim)
    assert (status, code) == ("ERROR", "STEP_FAILED")
    assert text_of.startswith("STEP_FAILED: associate_devices did not end well")
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_a_change_that_was_stopped_says_that_the_line_is_there(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    flow.stop(claim, "CANCELED_BY_USER", "not now")
    flow.close(claim, ["associate_devices"])
    _, code, text_of = said(flow, claim)
    assert code == "CANCELED_BY_USER"
    assert text_of.startswith("CANCELED_BY_USER: not now")
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_a_retry_that_is_cancelled_before_it_begins_says_that_the_line_is_there(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    flow.close(claim, ["associate_devices"])
    with flow.portal.connect() as connection:
        caller = find_caller(connection, "dora.ops", Right.EDIT)
    retry_change(flow.portal, caller, claim.bulk_change_id, reason="again", codes=None, now=flow.clock())
    flow.clock.pass_seconds(1)
    cancel_change(flow.portal, caller, claim.bulk_change_id, reason="no", now=flow.clock())
    _, code, text_of = said(flow, claim)
    assert code == "CANCELED_BY_USER"
    assert f"Line {line(flow)} is there and is billed" in text_of


def test_what_was_not_asked_for_says_so_as_before(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    flow.close(claim, ["create_rev_service 0"])
    assert said(flow, claim)[1] == "STEP_FAILED"
    assert "billed" not in said(flow, claim)[2]


def test_the_retry_after_the_site_is_back_keeps_the_line(flow: Flow) -> None:
    claim = with_lines(flow, PLAIN[0])
    lose_site(flow)
    flow.associate(claim)
    flow.close(claim)
    execute(flow, "UPDATE dbo.Site SET IsActive = 1 WHERE RevCustomerId = :id", id=world.customer_id(world.ACME))
    with flow.portal.connect() as connection:
        caller = find_caller(connection, "dora.ops", Right.EDIT)
    retry_change(flow.portal, caller, claim.bulk_change_id, reason="site is back", codes=None, now=flow.clock())
    again = flow.open(claim.bulk_change_id, "again")
    flow.check(again)
    flow.lines(again)
    flow.associate(again)
    flow.close(again)
    assert flow.codes(claim.bulk_change_id) == {PLAIN[0]: "PROCESSED"}
    assert flow.rev.posts == 1

"""Lines that end, answers that come late, machines that stand still, and a rule that stops a change in time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from device_association.bulk_changes import claims
from device_association.bulk_changes.access import find_caller
from device_association.database.dialects import to_driver
from device_association.domain.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.findings.store import Finding, FindingKind, report
from device_association.requests.actions import retry_change
from device_association.requests.revert import revert_change
from device_association.revio.client import Product
from device_association.revio.lines import Line
from device_association.revio.listings import Listing
from device_association.service_lines import create as line_creation
from device_association.service_lines import plan
from device_association.service_lines.devices import disconnect_day
from device_association.service_lines.journal.calls import begin_calls
from local.sample_data import groups, world
from tests.devices import slice_device
from tests.flow import NOW, Flow, Rev, line_from, request, settings
from tests.outcomes import Committed, findings, settle

PLAIN = groups().plain
SIM, OTHER_SIM = PLAIN[:2]
ACME = int(world.ACME)
ONE_PRODUCT = {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}


def planned(flow: Flow, devices: Sequence[str], **more: Any) -> Any:
    claim = flow.open(flow.create(request(devices, **more)).change_id)
    flow.check(claim)
    return claim


def end(flow: Flow, claim: Any) -> dict[str, str]:
    flow.associate(claim)
    flow.close(claim)
    return flow.codes(claim.bulk_change_id)


def person(flow: Flow) -> Any:
    with flow.portal.connect() as connection:
        return find_caller(connection, "dora.ops")


def retried(flow: Flow, change_id: int, run_id: str = "second run") -> Any:
    retry_change(flow.portal, person(flow), change_id, reason="again", now=flow.clock())
    claim = flow.open(change_id, run_id)
    flow.check(claim)
    return claim


def revert(flow: Flow, change_id: int) -> None:
    created = revert_change(flow.portal, person(flow), change_id, reason="the wrong customer", now=flow.clock())
    claim = flow.open(created.change_id, f"revert of {change_id}")
    flow.check(claim)
    flow.lines(claim)
    end(flow, claim)


def intents(flow: Flow) -> list[tuple[str, int | None]]:
    return [(one["state"], one["revserviceid"]) for one in flow.all("device_association", "line_intent")]


# Lines that end.


def test_a_call_that_ends_a_line_is_dated_as_one_that_creates_it(flow: Flow) -> None:
    first = planned(flow, [SIM])
    flow.lines(first)
    end(flow, first)
    created = flow.clock()
    flow.clock.pass_seconds(600)
    revert(flow, first.bulk_change_id)
    called = [one["calleddate"] for one in flow.all("device_association", "line_intent")]
    assert called == [created, flow.clock()]


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Honolulu", "Asia/Kolkata", None])
def test_a_reverted_line_is_ended_now_wherever_the_tenant_is(flow: Flow, zone: str | None) -> None:
    tenants = flow.table("dbo", "tenant")
    with flow.portal.begin() as connection:
        connection.execute(update(tenants).values(timezone=zone))
    claim = planned(flow, [SIM])
    flow.lines(claim)
    end(flow, claim)
    revert(flow, claim.bulk_change_id)
    (line,) = flow.rev.kept
    assert line.disconnected is not None
    assert not line.is_active(flow.clock())
    assert flow.run(request([SIM])).codes == {"PROCESSED": 1}
    assert flow.rev.posts == 2, "asked for again the same day, the SIM has a line of its own"


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 24), ("Pacific/Auckland", 25), ("Pacific/Honolulu", 24), ("Asia/Kolkata", 24)]
)
def test_a_line_ends_on_the_account_s_today(zone: str, day: int) -> None:
    account = replace(Rev().account, time_zone=zone)
    device = slice_device(now=NOW, time_zone="Asia/Tokyo", account_zone=account.zone)
    assert disconnect_day(device) == datetime(2026, 11, day, tzinfo=UTC).date()


def test_a_line_that_is_to_end_is_not_adopted_and_its_date_stays(flow: Flow) -> None:
    ends = NOW + timedelta(hours=11)
    flow.rev.kept.append(Line(5, ACME, None, SIM, NOW - timedelta(days=9), ends))
    claim = planned(flow, [SIM])
    flow.lines(claim)
    assert (flow.rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_AMBIGUOUS"})
    assert flow.all("dbo", "revservice", revserviceid=5) == []
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    assert "line 5 of this SIM is to be disconnected at 2026-11-24 23:00 UTC" in row["statusdetails"]
    flow.clock.pass_seconds(12 * 3600)
    again = retried(flow, claim.bulk_change_id)
    flow.lines(again)
    assert (flow.rev.posts, end(flow, again)) == (1, {SIM: "PROCESSED"})


@pytest.mark.parametrize("gone", [False, True])
def test_a_retry_after_the_line_was_disconnected_makes_another_one(flow: Flow, gone: bool) -> None:
    claim = planned(flow, [SIM, OTHER_SIM])
    flow.lines(claim)
    flow.close(claim, ["associate_devices"])
    flow.clock.pass_seconds(3600)
    (dead,) = flow.rev.lines_of(SIM)
    flow.rev.kept.remove(dead)
    if not gone:
        flow.rev.kept.append(replace(dead, disconnected=flow.clock() - timedelta(minutes=5)))
    again = retried(flow, claim.bulk_change_id)
    flow.lines(again)
    assert end(flow, again) == {SIM: "PROCESSED", OTHER_SIM: "PROCESSED"}
    active = [line for line in flow.rev.lines_of(SIM) if line.is_active(flow.clock())]
    assert (flow.rev.posts, len(active)) == (3, 1)
    links = {one["id"]: one["revserviceid"] for one in flow.all("dbo", "revservice")}
    linked = {links[one["revserviceid"]] for one in flow.all("dbo", "device_tenant") if one["revserviceid"]}
    assert active[0].service_id in linked
    assert dead.service_id not in linked


def test_a_retry_whose_line_is_to_end_waits_for_that_and_makes_another_one(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    flow.lines(claim)
    flow.close(claim, ["associate_devices"])
    flow.clock.pass_seconds(3600)
    flow.rev.kept = [replace(line, disconnected=NOW + timedelta(hours=11)) for line in flow.rev.kept]
    again = retried(flow, claim.bulk_change_id)
    flow.lines(again)
    assert (flow.rev.posts, end(flow, again)) == (1, {SIM: "REV_LINE_AMBIGUOUS"})
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    assert "line 1001 of this SIM is to be disconnected at 2026-11-24 23:00 UTC" in row["statusdetails"]
    flow.clock.pass_seconds(12 * 3600)
    third = retried(flow, claim.bulk_change_id, "third run")
    flow.lines(third)
    assert (flow.rev.posts, end(flow, third)) == (2, {SIM: "PROCESSED"})


def test_a_line_of_an_earlier_try_that_rev_io_refuses_to_show_keeps_no_other_device_waiting(flow: Flow) -> None:
    class Refusing(Rev):
        def line(self, service_id: int) -> Line | None:
            if service_id == 1001:
                raise RevioRejected("GET /v1/Services/1001 was answered 400: " + "no " * 400, status=400)
            return super().line(service_id)

    claim = planned(flow, [SIM, OTHER_SIM])
    flow.lines(claim)
    flow.close(claim, ["associate_devices"])
    flow.clock.pass_seconds(3600)
    ended, other = flow.rev.kept
    flow.rev = Refusing([replace(ended, disconnected=NOW + timedelta(minutes=1)), other])
    again = retried(flow, claim.bulk_change_id)
    flow.lines(again)
    assert end(flow, again) == {SIM: "REV_LINE_AMBIGUOUS", OTHER_SIM: "PROCESSED"}


@pytest.mark.parametrize("days", [3, 30])
def test_a_line_that_somebody_dated_to_end_later_is_ended_now_by_its_revert(flow: Flow, days: int) -> None:
    claim = planned(flow, [SIM])
    flow.lines(claim)
    end(flow, claim)
    flow.rev.kept = [replace(line, disconnected=NOW + timedelta(days=days)) for line in flow.rev.kept]
    flow.clock.pass_seconds(600)
    revert(flow, claim.bulk_change_id)
    assert flow.rev.ends == [1001]
    assert not flow.rev.kept[0].is_active(flow.clock())


def test_a_line_that_is_not_shown_yet_is_not_missed_by_the_next_run(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    flow.lines(claim)
    hidden = flow.rev.kept.pop()
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds - 1)
    again = flow.open(claim.bulk_change_id, "second run", lives=lambda _: False)
    flow.lines(again)
    flow.rev.kept.append(hidden)
    assert (flow.rev.posts, end(flow, again)) == (1, {SIM: "PROCESSED"})


# Answers that come late.


def closing_meanwhile(flow: Flow, claim: Any) -> None:
    """Let the change be closed while its call is out."""
    post = flow.rev.create_line

    def create(body: dict[str, Any]) -> int:
        flow.rev.create_line = post
        flow.associate(claim)
        flow.close(claim, ["create_rev_service"])
        return post(body)

    flow.rev.create_line = create


def test_an_answer_that_comes_after_the_change_was_closed_lets_its_row_be_tried_again(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    closing_meanwhile(flow, claim)
    with pytest.raises(ClaimLost):
        flow.lines(claim)
    assert (flow.codes(claim.bulk_change_id), intents(flow)) == ({SIM: "REV_OUTCOME_UNKNOWN"}, [("CREATED", 1001)])
    flow.clock.pass_seconds(60)
    assert settle(flow)["tried_again"] == 1
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert (flow.rev.posts, end(flow, again)) == (1, {SIM: "PROCESSED"})
    assert settle(flow)["tried_again"] == 0


@pytest.mark.parametrize(
    "answer", [RevioRetryable("429", status=429, retry_after=1.0), RevioUnauthorized("401", status=401)]
)
def test_a_call_that_is_turned_away_after_its_row_has_ended_is_reported(flow: Flow, answer: Exception) -> None:
    claim = planned(flow, [SIM])

    def turn_away(_body: dict[str, Any]) -> int:
        flow.close(claim, ["create_rev_service"])
        raise answer

    flow.rev.create_line = turn_away
    with pytest.raises(ClaimLost):
        flow.lines(claim)
    assert (flow.codes(claim.bulk_change_id), intents(flow)) == ({SIM: "REV_OUTCOME_UNKNOWN"}, [("ABANDONED", None)])
    settle(flow)
    assert [kind for kind, _ in findings(flow)] == ["OUTCOME_SETTLED_ABSENT"]
    flow.rev = Rev()
    flow.clock.pass_seconds(60)
    again = retried(flow, claim.bulk_change_id)
    flow.lines(again)
    assert end(flow, again) == {SIM: "PROCESSED"}
    settle(flow)
    assert findings(flow) == []


def test_a_call_that_is_found_absent_after_its_row_has_ended_is_reported(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [RevioOutcomeUnknown("time-out")]}
    claim = planned(flow, [SIM])
    (number,) = flow.plan(claim)
    with pytest.raises(StepUnfinished):
        line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    shown = flow.rev.lines

    def close_meanwhile(**filters: Any) -> Listing:
        flow.rev.lines = shown
        flow.close(claim, ["create_rev_service"])
        return shown(**filters)

    flow.rev.lines = close_meanwhile
    flow.clock.pass_seconds(300)
    with pytest.raises(ClaimLost):
        line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    assert (flow.codes(claim.bulk_change_id), intents(flow)) == ({SIM: "REV_OUTCOME_UNKNOWN"}, [("ABANDONED", None)])
    assert [kind for kind, _ in findings(flow)] == ["OUTCOME_SETTLED_ABSENT"]


def test_a_line_that_shows_up_while_another_change_has_its_device_is_tried_again_after_that(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    claim = planned(flow, [SIM])
    flow.lines(claim, last_try=True)
    assert end(flow, claim) == {SIM: "REV_OUTCOME_UNKNOWN"}
    other = planned(flow, [SIM], CreateRevService=False)
    flow.clock.pass_seconds(60)
    retry_change(flow.portal, person(flow), claim.bulk_change_id, reason="again", now=flow.clock())
    assert flow.codes(claim.bulk_change_id) == {SIM: "DEVICE_IN_OTHER_CHANGE"}
    flow.rev.lines = shown
    flow.clock.pass_seconds(60)
    assert settle(flow) == {"found": 1, "tried_again": 0}
    end(flow, other)
    flow.clock.pass_seconds(60)
    assert settle(flow)["tried_again"] == 1
    again = flow.open(claim.bulk_change_id, "third run")
    flow.check(again)
    flow.lines(again)
    assert (flow.rev.posts, end(flow, again)) == (1, {SIM: "PROCESSED"})


def test_a_line_whose_row_was_tried_again_in_vain_is_reported(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    closing_meanwhile(flow, claim)
    with pytest.raises(ClaimLost):
        flow.lines(claim)
    flow.clock.pass_seconds(60)
    settle(flow)
    again = flow.open(claim.bulk_change_id, "second run")
    flow.close(again, ["validate_devices"])
    flow.clock.pass_seconds(60)
    settle(flow)
    assert [kind for kind, _ in findings(flow)] == ["LINE_NOT_ASSOCIATED"]
    third = retried(flow, claim.bulk_change_id, "third run")
    flow.lines(third)
    settle(flow)
    assert [kind for kind, _ in findings(flow)] == ["LINE_NOT_ASSOCIATED"]
    assert end(flow, third) == {SIM: "PROCESSED"}
    settle(flow)
    assert findings(flow) == []


@pytest.mark.parametrize("kind", ["LINE_NOT_ASSOCIATED", "LINE_OF_REVERTED_CHANGE", "LINE_OF_DELETED_CHANGE"])
@pytest.mark.parametrize("settled", ["disconnected", "associated"])
def test_a_line_that_was_left_is_no_finding_once_it_is_settled(flow: Flow, kind: str, settled: str) -> None:
    claim = planned(flow, [SIM])
    flow.lines(claim)
    left = Finding(FindingKind(kind), "line 1/1001", "it is left", account_id=world.ACCOUNT, service_id=1001)
    with flow.portal.begin() as connection:
        report(connection, [left], now=flow.clock())
    flow.clock.pass_seconds(60)
    settle(flow)
    assert [kind for kind, _ in findings(flow)] == [kind]
    if settled == "associated":
        end(flow, claim)
    else:
        lines = flow.table("dbo", "revservice")
        with flow.portal.begin() as connection:
            connection.execute(
                update(lines).where(lines.c.revserviceid == 1001).values(disconnecteddate=to_driver(flow.clock()))
            )
    settle(flow)
    assert findings(flow) == []


def test_a_line_of_a_reverted_change_is_reported_whatever_a_retry_made_of_its_row(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    claim = planned(flow, [SIM, OTHER_SIM])
    flow.lines(claim, last_try=True)
    assert end(flow, claim) == {SIM: "REV_OUTCOME_UNKNOWN", OTHER_SIM: "PROCESSED"}
    planned(flow, [SIM], CreateRevService=False)
    flow.clock.pass_seconds(60)
    retry_change(flow.portal, person(flow), claim.bulk_change_id, reason="again", now=flow.clock())
    assert flow.codes(claim.bulk_change_id)[SIM] == "DEVICE_IN_OTHER_CHANGE"
    flow.clock.pass_seconds(60)
    revert(flow, claim.bulk_change_id)
    flow.rev.lines = shown
    flow.clock.pass_seconds(60)
    assert settle(flow)["found"] == 1
    assert [kind for kind, _ in findings(flow)] == ["LINE_OF_REVERTED_CHANGE"]


def test_no_call_begins_while_its_change_is_being_closed(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    (intent,) = flow.all("device_association", "line_intent")
    with ThreadPoolExecutor(1) as workers, flow.portal.begin() as connection:
        claims.assert_claim(connection, claim, flow.clock())  # what closing begins with
        begun = workers.submit(begin_calls, flow.context(claim), "revio_northwind", {intent["id"]: None})
        with pytest.raises(TimeoutError):
            begun.result(timeout=0.3)
        state = flow.table("device_association", "change_state")
        connection.execute(update(state).values(claimrunid=None, claimeddate=None))
        connection.commit()
        with pytest.raises(ClaimLost):
            begun.result(timeout=30)
    assert intents(flow) == [("PLANNED", None)]


# Products.


class Lost(Rev):
    """Adds a product, but its answer is lost; lists what was added and not ended."""

    def create_product(self, body: dict[str, Any]) -> int:
        self.products_kept.append(body)
        raise RevioOutcomeUnknown("time-out")

    def products(self, service_id: int) -> Any:
        for number, body in enumerate(self.products_kept, start=7001):
            if body["service_id"] == service_id and number not in self.product_ends:
                yield Product(number, body["product_id"], "ACTIVE")


def test_a_product_whose_answer_was_lost_is_ended_by_the_revert_of_its_line(flow: Flow) -> None:
    flow.rev = Lost()
    claim = planned(flow, [SIM], **ONE_PRODUCT)
    flow.lines(claim, last_try=True)
    assert end(flow, claim) == {SIM: "REV_PRODUCT_FAILED"}
    flow.clock.pass_seconds(600)
    revert(flow, claim.bulk_change_id)
    assert (flow.rev.product_ends, flow.rev.ends) == ([7001], [1001])


def test_a_product_on_an_adopted_line_whose_answer_was_lost_is_ended_and_the_line_stays(flow: Flow) -> None:
    flow.rev = Lost([Line(5, ACME, None, SIM, NOW - timedelta(days=9), None)])
    claim = planned(flow, [SIM], **ONE_PRODUCT)
    flow.lines(claim, last_try=True)
    end(flow, claim)
    flow.clock.pass_seconds(600)
    revert(flow, claim.bulk_change_id)
    assert (flow.rev.product_ends, flow.rev.ends) == ([7001], [])


# Clocks and machines.


def test_a_machine_that_stood_still_longer_than_its_lease_sends_nothing(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    (number,) = plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    context = replace(flow.context(claim), now_of=lambda _: flow.clock() + timedelta(minutes=5))
    with pytest.raises((RevioRetryable, StepUnfinished)):
        line_creation.create_rev_services(context, number, last_try=False)
    assert flow.rev.posts == 0


def test_a_machine_that_stood_still_longer_than_its_look_lasts_sends_nothing(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    (number,) = flow.plan(claim)
    flow.clock.pass_seconds(20)
    stood = replace(flow.context(claim), now_of=lambda _: flow.clock() + timedelta(seconds=45))
    with pytest.raises(StepUnfinished):
        line_creation.create_rev_services(stood, number, last_try=False)
    assert (flow.rev.posts, intents(flow)) == (0, [("PLANNED", None)])
    assert line_creation.create_rev_services(flow.context(claim), number, last_try=False) == {"created": 1}


def test_a_cancel_is_seen_by_the_next_try_though_rev_io_cannot_be_reached(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    (number,) = flow.plan(claim)
    asked: list[object] = []

    def down(*_: Any, **filters: Any) -> Any:
        asked.append(filters)
        raise RevioRetryable("no connection")

    flow.rev.lines = flow.rev.line = down
    flow.clock.pass_seconds(120)
    with pytest.raises(StepUnfinished):
        line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    assert asked
    asked.clear()
    flow.stop(claim, "CANCELED_BY_USER", "the wrong customer")
    counts = line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    assert (counts, asked, end(flow, claim)) == ({"stopped": 1}, [], {SIM: "CANCELED_BY_USER"})


def test_a_machine_that_stood_still_adds_no_product(flow: Flow) -> None:
    claim = planned(flow, [SIM], **ONE_PRODUCT)
    (number,) = plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    context = replace(flow.context(claim), now_of=lambda _: flow.clock() + timedelta(minutes=9 * flow.rev.posts))
    with pytest.raises(StepUnfinished):
        line_creation.create_rev_services(context, number, last_try=False)
    assert (flow.rev.posts, flow.rev.products_kept) == (1, [])


NEW_YORK = ZoneInfo("America/New_York")
REDRIVEN = datetime(2026, 11, 1, 6, tzinfo=UTC)
"""When the clocks of New York are put back from 2:00 to 1:00."""


class NewYork(Rev):
    """Writes and compares its dates as its clock on the wall shows them."""

    def made(self, service_id: int, at: datetime, **more: Any) -> Line:
        """Keep a line that was created at a moment; its date is read as the first of two that the clock shows alike."""
        shown = at.astimezone(NEW_YORK).replace(tzinfo=None, fold=0)
        created = shown.replace(tzinfo=NEW_YORK).astimezone(UTC)
        self.kept.append(Line(service_id, ACME, more.pop("number", None), created=created, disconnected=None, **more))
        return self.kept[-1]

    def lines(self, *, created_date_start: datetime | None = None, **filters: Any) -> Listing:
        found = super().lines(**filters)
        if created_date_start is None:
            return found
        start = created_date_start.astimezone(NEW_YORK).replace(tzinfo=None)
        return Listing(
            tuple(
                line
                for line in found
                if line.created and line.created.astimezone(NEW_YORK).replace(tzinfo=None) >= start
            )
        )


@pytest.fixture
def put_back(flow: Flow) -> Flow:
    """Give the flow in New York, four minutes before the clocks are put back; the last line is six minutes older."""
    flow.rev = NewYork(account=replace(Rev().account, time_zone="America/New_York"))
    flow.rev.made(1, REDRIVEN - timedelta(minutes=10), number2="8901260000000099999")
    flow.clock.now = REDRIVEN - timedelta(minutes=4)
    return flow


def test_a_line_that_is_made_in_the_hour_that_comes_twice_is_seen(put_back: Flow) -> None:
    flow = put_back
    claim = planned(flow, [SIM])
    (number,) = flow.plan(claim)
    flow.clock.now = REDRIVEN + timedelta(minutes=12)
    flow.rev.made(2, REDRIVEN + timedelta(minutes=10), number2=SIM)
    assert line_creation.create_rev_services(flow.context(claim), number, last_try=False) == {"adopted": 1}
    assert flow.rev.posts == 0


def test_a_line_of_a_call_in_the_hour_that_comes_twice_is_created_by_it(put_back: Flow) -> None:
    flow = put_back
    flow.clock.now = REDRIVEN + timedelta(minutes=12)
    claim = planned(flow, [SIM])

    def lose(body: dict[str, Any]) -> int:
        line = line_from(1001, body, flow.clock())
        terms = (
            "number",
            "number2",
            "provider_id",
            "service_type_id",
            "usage_plan_group_id",
            "package_id",
            "description",
        )
        flow.rev.made(1001, flow.clock(), **{name: getattr(line, name) for name in terms}, activated=line.activated)
        raise RevioOutcomeUnknown("time-out")

    flow.rev.create_line = lose
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    flow.clock.pass_seconds(30)
    flow.lines(claim)
    assert intents(flow) == [("CREATED", 1001)]


# A rule that stops a change.


@pytest.mark.parametrize("devices", [50, *(pytest.param(more, marks=pytest.mark.slow) for more in (60, 150))])
def test_after_the_answer_that_fulfils_the_abort_rule_no_call_begins(flow: Flow, devices: int) -> None:
    flow.settings = settings(abort_percent=50, abort_min_sample=50)
    flow.rev.refusing = {iccid: [RevioRejected("400", status=400)] for iccid in PLAIN}
    claim = planned(flow, PLAIN[:devices])
    flow.lines(claim)
    codes = end(flow, claim)
    assert flow.rev.posts == 50
    assert sorted(set(codes.values())) == sorted({"REV_REJECTED", *(["STOPPED"] if devices > 50 else [])})


def test_a_change_whose_rule_is_not_fulfilled_goes_on(flow: Flow) -> None:
    flow.settings = settings(abort_percent=50, abort_min_sample=50)
    flow.rev.refusing = {iccid: [RevioRejected("400", status=400)] for iccid in PLAIN[1:80:3]}
    claim = planned(flow, PLAIN[:80])
    flow.lines(claim)
    assert flow.rev.posts == 80


def test_calls_that_were_begun_ahead_are_not_sent_after_the_answer_that_fulfils_the_rule(flow: Flow) -> None:
    limits = settings(abort_percent=50, abort_min_sample=50, max_mapped_tasks=1, min_slice_devices=300)
    flow.settings = limits.model_copy(update={"rev_concurrency": 8})
    sent: list[str] = []

    def refuse(body: Any) -> int:
        sent.append(body["number2"])
        time.sleep(0.05)
        raise RevioRejected("400", status=400)

    flow.rev.create_line = refuse
    claim = planned(flow, PLAIN[:150])
    flow.lines(claim)
    assert set(end(flow, claim).values()) == {"REV_REJECTED", "STOPPED"}
    assert 50 <= len(sent) <= 50 + flow.settings.rev_concurrency, (
        "the calls that were out with the 50th end, none begins"
    )


def test_refused_products_fulfil_the_abort_rule_too(flow: Flow) -> None:
    flow.settings = settings(abort_percent=50, abort_min_sample=50)
    flow.rev.refusing_products = [RevioRejected("400", status=400)] * 500
    claim = planned(flow, PLAIN[:70], **ONE_PRODUCT)
    flow.lines(claim)
    codes = list(end(flow, claim).values())
    assert (flow.rev.posts, codes.count("REV_PRODUCT_FAILED"), codes.count("STOPPED")) == (50, 50, 20)


def test_the_abort_rule_counts_what_was_refused_in_this_retry(flow: Flow) -> None:
    flow.settings = settings(abort_percent=50, abort_min_sample=50)
    flow.rev.refusing = {iccid: [RevioRejected("400", status=400)] for iccid in PLAIN[:50]}
    claim = planned(flow, PLAIN[:90])
    flow.lines(claim)
    assert list(end(flow, claim).values()).count("STOPPED") == 40
    flow.clock.pass_seconds(60)
    flow.rev.refusing = {PLAIN[50]: [RevioRejected("400", status=400)]}
    about: dict[str, Any] = {"reason": "again", "codes": ["STOPPED"], "now": flow.clock()}
    retry_change(flow.portal, person(flow), claim.bulk_change_id, **about)
    flow.clock.pass_seconds(60)
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert list(end(flow, again).values()).count("PROCESSED") == 39

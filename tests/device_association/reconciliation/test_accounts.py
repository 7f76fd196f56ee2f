"""Reconciliation: what differs is found, the safe repaired, the rest told; a second run is silent, in whatever order."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from device_association.database.dialects import to_driver
from device_association.database.execution import SQL_FOLDER, in_transaction, run
from device_association.domain.errors import (
    ConfigurationError,
    RequestRefused,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.findings.store import FINDING_ADVICE, REPORTED, Finding, FindingKind, report
from device_association.reconciliation import accounts
from device_association.reconciliation.accounts import FIRST, LAST, Interval, past_interval, reconcile_account
from device_association.reconciliation.changes import repair_changes
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line
from device_association.revio.listings import Listing
from device_association.service_lines import plan
from device_association.service_lines.lookups import snapshot
from local.sample_data import world
from tests import differences
from tests.differences import OLD, Differences, thirty
from tests.flow import NOW, Flow, request

TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)
DAYS = [Interval(TODAY - DAY * back, TODAY - DAY * (back - 1)) for back in range(30, 0, -1)]
LATEST = DAYS[-1]
OUR_TABLES = (
    "dbo.revservice",
    "dbo.device_tenant",
    "dbo.revserviceproduct",
    "dbo.devicebulkchange",
    "dbo.m2m_devicechange",
)


@pytest.fixture
def settled(flow: Flow) -> Differences:
    """Give the sample world in which portal, mirror and Rev.io agree."""
    return Differences(flow)


class Counted:
    """Lists an account as Rev.io does, and counts how often it was asked."""

    def __init__(self, world_of: Differences) -> None:
        self.world_of, self.asked = world_of, 0

    def __call__(self, **_: Any) -> Listing:
        self.asked += 1
        return self.world_of.rev.lines()


def account(number: int = world.ACCOUNT) -> snapshot.RevAccount:
    return snapshot.RevAccount(number, "northwind", "revio_northwind", world.NORTHWIND)


def reconcile(world_of: Differences, *intervals: Interval, listing: Any = None) -> dict[str, int]:
    """Run some intervals as the DAG does; return how many differences were repaired, reported and closed."""
    total = {"repaired": 0, "open": 0, "closed": 0}
    for interval in intervals:
        world_of.flow.clock.pass_seconds(1)
        done = reconcile_account(
            world_of.portal, account(), interval, listing or world_of.rev.lines, clock=world_of.flow.clock
        )
        changes = repair_changes(world_of.portal, interval, clock=world_of.flow.clock)
        for name in total:
            total[name] += sum(done[name].values())
        total["repaired"] += sum(changes.values())
    return total


def plant_thirty(world_of: Differences) -> None:
    """Plant the thirty, one a day."""
    for (plant, number), interval in zip(thirty(), DAYS, strict=True):
        world_of.plant(plant, number, interval.since + timedelta(hours=9))
    world_of.flow.clock.now = NOW


def state(world_of: Differences) -> dict[str, list[dict[str, Any]]]:
    return {name: world_of.flow.all(*name.split(".")) for name in OUR_TABLES}


def test_a_world_that_agrees_is_left_alone_and_nothing_is_told(settled: Differences) -> None:
    before = state(settled)
    assert reconcile(settled, *DAYS) == {"repaired": 0, "open": 0, "closed": 0}
    assert state(settled) == before
    assert settled.findings() == []


def test_thirty_differences_are_found_on_their_days_and_a_second_backfill_is_silent(
    settled: Differences, capsys: pytest.CaptureFixture[str]
) -> None:
    plant_thirty(settled)
    listing = Counted(settled)
    total = reconcile(settled, *DAYS[:-1], listing=listing)
    last = reconcile(settled, DAYS[-1], listing=listing)
    assert settled.planted == 30
    assert settled.found() == settled.expected
    kinds = {kind for kind, _ in settled.found()}
    assert len(kinds) >= 12
    known, after = settled.findings(), state(settled)
    for one in known:
        assert (one["isrepaired"] == 0, one["closeddate"] is None) == ((one["kind"] in REPORTED),) * 2, one
        assert one["tenantid"] == world.NORTHWIND
    again = reconcile(settled, *DAYS, listing=listing)
    assert again["repaired"] == again["closed"] == 0
    assert state(settled) == after
    seen = [{**one, "seendate": None} for one in settled.findings()]
    assert seen == [{**one, "seendate": None} for one in known]
    assert listing.asked == 1
    repaired = sum(one["isrepaired"] for one in known)
    with capsys.disabled():
        print(
            f"\n{settled.planted} planted differences of {len(kinds)} kinds: {len(known)} findings, {repaired} repaired, "
            f"{len(known) - repaired} reported; by day {total}, last day {last}; second backfill {again}; "
            f"{listing.asked} listing"
        )


@pytest.mark.slow
def test_each_day_finds_its_own_in_whatever_order(settled: Differences) -> None:
    plant_thirty(settled)
    order = DAYS[:]
    random.Random(7).shuffle(order)
    for interval in order[: len(order) // 2]:
        reconcile(settled, interval)
    assert settled.found() <= settled.expected
    reconcile(settled, *order, *reversed(order))
    assert settled.found() == settled.expected


def test_an_early_day_does_not_look_at_other_days(settled: Differences) -> None:
    settled.plant(differences.link_missing, 2201, DAYS[3].since)
    assert reconcile(settled, DAYS[2], DAYS[4])["repaired"] == 0
    assert reconcile(settled, DAYS[3])["repaired"] == 1


def test_the_latest_day_finds_what_changed_without_a_date(settled: Differences) -> None:
    settled.put("dbo.device_tenant", {"id": 2201}, revserviceid=None)
    settled.tell(12_202, customer_id=int(world.BOREALIS))
    assert reconcile(settled, *DAYS[:-1])["repaired"] == 0
    assert reconcile(settled, LATEST)["repaired"] == 2
    assert settled.found() == {
        ("LINK_MISSING", "device 2201"),
        ("MIRROR_OF_WRONG_CUSTOMER", "line 1/12202"),
        ("LINE_OF_WRONG_CUSTOMER", "line 1/12202"),
    }


def test_what_was_repaired_is_as_rev_io_says(settled: Differences) -> None:
    for plant, number in ((differences.wrong_sim_in_mirror, 2201), (differences.mirror_row_missing, 2202)):
        settled.plant(plant, number, DAYS[5].since)
    reconcile(settled, DAYS[5])
    for number in (2201, 2202):
        (line,) = settled.flow.all("dbo", "revservice", revserviceid=10_000 + number)
        assert (line["number2"], line["revcustomerid"]) == (world.iccid(number), world.customer_id(world.ACME))
        assert (line["isactive"], line["disconnecteddate"]) == (1, None)
        (device,) = settled.flow.all("dbo", "device_tenant", id=number)
        assert device["revserviceid"] == line["id"]


@pytest.mark.parametrize("own", [world.ACCOUNT, world.SECOND_ACCOUNT])
def test_a_second_line_in_an_account_of_a_sub_tenant_is_found_from_either_and_told_to_the_parent(
    settled: Differences, own: int
) -> None:
    settled.put("dbo.integration_authentication", {"id": world.SECOND_ACCOUNT}, tenantid=world.FLEET)
    whose: dict[str, Any] = {"revcustomerid": world.customer_id(world.GULF, world.SECOND_ACCOUNT)}
    settled.add_line(72_201, world.iccid(2201), OLD, integrationauthenticationid=world.SECOND_ACCOUNT, **whose)
    about = {"account_id": own, "listed": NOW, "now": NOW, "since": FIRST, "until": LAST}
    found = settled.flow.statement("reconciliation/find_double_lines", **about)
    assert [(one["subject"], one["tenant_id"]) for one in found] == [(f"device 2201 account {own}", world.NORTHWIND)]


@pytest.mark.parametrize("mirrored", [world.iccid(2201), None])
def test_the_mirror_of_a_line_that_lost_its_sim_at_rev_io_has_the_number_that_it_is_known_by(
    settled: Differences, mirrored: str | None
) -> None:
    settled.put("dbo.revservice", {"revserviceid": 12_201}, number="15550002201", number2=mirrored)
    settled.tell(12_201, number="15559999999", number2=None)
    reconcile(settled, LATEST)
    (line,) = settled.flow.all("dbo", "revservice", revserviceid=12_201)
    assert (line["number"], line["number2"]) == ("15559999999", None)
    assert ("MIRROR_OF_WRONG_SIM", "line 1/12201") in settled.found()
    assert reconcile(settled, LATEST)["repaired"] == 0


def test_a_number2_that_was_sent_rounded_takes_no_sim_from_the_mirror(settled: Differences) -> None:
    settled.tell(12_201, number2=None, rounded=(float(world.iccid(2201)),))
    assert reconcile(settled, LATEST)["repaired"] == 0
    (line,) = settled.flow.all("dbo", "revservice", revserviceid=12_201)
    assert (line["number"], line["number2"]) == ("15550002201", world.iccid(2201))


@pytest.mark.slow
@pytest.mark.parametrize("shown", [{"number": "15551112222", "number2": f"{world.iccid(12)}F"}, {"number2": None}])
def test_an_adopted_line_that_the_mirror_lacks_is_written_as_rev_io_shows_it(
    settled: Differences, shown: dict[str, Any]
) -> None:
    sim = world.iccid(12)
    (device,) = settled.flow.all("dbo", "device", iccid=sim)
    settled.rev.kept.append(Line(9001, int(world.ACME), device["msisdn"], sim, OLD, None))
    change_id = settled.flow.run(request([sim])).bulk_change_id
    (intent,) = settled.flow.all("device_association", "line_intent", bulkchangeid=change_id)
    assert (intent["state"], intent["revserviceid"]) == ("ADOPTED", 9001)
    settled.forget(9001)
    settled.tell(9001, customer_id=int(world.BOREALIS), **shown)
    settled.flow.clock.pass_seconds(DAY.total_seconds())
    reconcile(settled, Interval(TODAY, TODAY + DAY))
    (line,) = settled.flow.all("dbo", "revservice", revserviceid=9001)
    assert {"number": line["number"], "number2": line["number2"]} == {"number": device["msisdn"], **shown}
    assert line["revcustomerid"] == world.customer_id(world.BOREALIS)


def test_the_links_are_those_that_the_procedure_would_make(settled: Differences) -> None:
    plant_thirty(settled)
    reconcile(settled, *DAYS)
    before = settled.flow.all("dbo", "device_tenant")
    with settled.portal.begin() as connection:
        run(connection, "associations/call_update_device_rev_service_links", bulk_change_id=None)
    assert settled.flow.all("dbo", "device_tenant") == before


def test_a_finding_that_is_gone_is_closed_and_one_that_comes_back_is_open_again(settled: Differences) -> None:
    settled.plant(differences.line_of_archived_device, 2201, DAYS[5].since)
    reconcile(settled, DAYS[5])
    settled.put("dbo.device", {"id": 2201}, isactive=1)
    assert reconcile(settled, DAYS[20])["closed"] == 1
    (finding,) = settled.findings()
    assert finding["closeddate"] is not None
    settled.put("dbo.device", {"id": 2201}, isactive=0)
    reconcile(settled, DAYS[5])
    (finding,) = settled.findings()
    assert finding["closeddate"] is None


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        (Line(None, int(world.ACME), None, world.iccid(12), OLD, None), "without an id that can be read"),
        (
            Line(9001, int(world.ACME), None, None, OLD, None, rounded=(float(world.iccid(12)),)),
            "line 9001 with a number",
        ),
    ],
)
def test_a_record_that_cannot_be_judged_is_reported_until_it_is_corrected(
    settled: Differences, strange: Line, said: str
) -> None:
    settled.rev.kept.append(strange)
    reconcile(settled, LATEST, LATEST)
    (found,) = [one for one in settled.findings() if one["kind"] == "LINE_NOT_READABLE"]
    assert (found["closeddate"], found["revserviceid"]) == (None, strange.service_id)
    assert said in found["detail"]
    assert found["iccid"] in found["detail"]
    assert found["iccid"][:16] == world.iccid(12)[:16]
    settled.rev.kept.remove(strange)
    settled.flow.clock.pass_seconds(DAY.total_seconds())
    reconcile(settled, Interval(TODAY, TODAY + DAY))
    (closed,) = [one for one in settled.findings() if one["kind"] == "LINE_NOT_READABLE"]
    assert closed["closeddate"] is not None


@pytest.mark.parametrize(
    "harmless",
    [
        Line(None, int(world.ACME), None, world.iccid(12), OLD, OLD),
        Line(None, int(world.ACME), None, differences.STRANGE_SIM, OLD, None),
    ],
)
def test_a_record_of_the_past_or_of_no_sim_of_ours_is_not_reported(settled: Differences, harmless: Line) -> None:
    settled.rev.kept.append(harmless)
    assert reconcile(settled, LATEST)["open"] == 0


def test_a_sim_that_somebody_is_at_work_on_is_neither_touched_nor_told(settled: Differences) -> None:
    settled.flow.clock.now = DAYS[5].since
    claim = settled.flow.open(settled.flow.create(request([world.iccid(101)])).change_id)
    settled.flow.check(claim)
    reconciled, rev = Counted(settled), cast(RevioClient, settled.rev)
    plan.plan_rev_services(settled.portal, claim, lambda _: rev, settled.flow.settings, clock=settled.flow.clock)
    settled.rev.kept.append(Line(90_001, int(world.ACME), None, world.iccid(101), DAYS[5].since, None))
    settled.flow.clock.now = NOW
    for values in (
        {"state": "PLANNED"},
        {"state": "CALLING", "leaseowner": "w", "leaseuntil": NOW},
        {"state": "UNKNOWN", "leaseowner": None, "leaseuntil": None, "unknownsince": OLD},
    ):
        settled.put("device_association.line_intent", {}, **values)
        assert reconcile(settled, DAYS[5], LATEST, listing=reconciled) == {"repaired": 0, "open": 0, "closed": 0}
    assert settled.flow.all("dbo", "revservice", revserviceid=90_001) == []


def test_an_ended_row_with_an_unknown_outcome_stays_unknown(settled: Differences) -> None:
    change_id, made = settled.run_change(101, DAYS[5].since)
    settled.forget(made)
    settled.put("dbo.devicebulkchange", {"id": change_id}, status="ERROR")
    unknown = {"state": "UNKNOWN", "unknownsince": OLD, "revserviceid": None, "readydate": None}
    settled.put("device_association.line_intent", {}, **unknown)
    settled.flow.clock.now = NOW
    assert reconcile(settled, DAYS[5], LATEST)["repaired"] == 0
    assert settled.findings() == []


def test_a_finding_of_a_sim_that_somebody_is_at_work_on_stays_open(settled: Differences) -> None:
    settled.plant(differences.line_of_unassigned_device, 2201, DAYS[5].since)
    reconcile(settled, DAYS[5])
    settled.flow.create(request([world.iccid(2201)], CreateRevService=False))
    assert reconcile(settled, DAYS[5])["closed"] == 0
    assert settled.findings()[0]["closeddate"] is None


def test_a_mirror_row_written_since_the_listing_knows_better(settled: Differences) -> None:
    reconcile(settled, DAYS[5])
    moment = settled.flow.clock() + timedelta(minutes=5)
    settled.put("dbo.revservice", {"revserviceid": 12_201}, disconnecteddate=moment, isactive=0, modifieddate=moment)
    settled.flow.clock.now = moment + timedelta(minutes=5)
    reconcile(settled, LATEST)
    (line,) = settled.flow.all("dbo", "revservice", revserviceid=12_201)
    assert line["disconnecteddate"] == moment


def test_an_open_end_that_the_mirror_writes_as_year_9999_is_no_difference(settled: Differences) -> None:
    open_end = to_driver(datetime(9999, 12, 31, tzinfo=UTC))
    settled.put("dbo.revservice", {"revserviceid": 12_201}, disconnecteddate=open_end)
    assert reconcile(settled, *DAYS, LATEST)["repaired"] == 0


def test_the_listing_is_read_anew_on_the_next_day_only(settled: Differences) -> None:
    listing = Counted(settled)
    reconcile(settled, *DAYS, listing=listing)
    settled.flow.clock.now = TODAY + DAY - timedelta(minutes=1)
    reconcile(settled, LATEST, listing=listing)
    assert listing.asked == 1
    settled.flow.clock.now = TODAY + DAY + timedelta(minutes=1)
    reconcile(settled, LATEST, listing=listing)
    assert listing.asked == 2
    assert len(settled.flow.all("device_association", "revio_snapshot_line")) == len(settled.rev.kept)


def test_a_line_that_a_listing_shows_as_it_was_known_stays_known_since_then(settled: Differences) -> None:
    reconcile(settled, LATEST)
    before = {one["revserviceid"]: one for one in settled.flow.all("device_association", "revio_snapshot_line")}
    same, changed, gone = sorted(before)[:3]
    settled.tell(changed, number="15551112222")
    settled.rev.kept = [one for one in settled.rev.kept if one.service_id != gone]
    settled.rev.kept.append(Line(9001, int(world.ACME), None, differences.STRANGE_SIM, OLD, None))
    settled.flow.clock.pass_seconds(DAY.total_seconds())
    reconcile(settled, Interval(TODAY, TODAY + DAY))
    after = {one["revserviceid"]: one for one in settled.flow.all("device_association", "revio_snapshot_line")}
    assert after.keys() == before.keys() - {gone} | {9001}
    assert {one["listeddate"] for one in after.values()} == {settled.flow.clock()}
    assert {number for number, one in after.items() if one["showndate"] == settled.flow.clock()} == {changed, 9001}
    assert after[same]["showndate"] == before[same]["showndate"]


def test_refused_credentials_end_the_account_s_run_and_leave_the_other_account_its_own(settled: Differences) -> None:
    def refuse(**_: Any) -> Listing:
        raise RevioUnauthorized("GET /v1/Services was answered 401", status=401)

    settled.plant(differences.link_missing, 2201, DAYS[5].since)
    with pytest.raises(RevioUnauthorized):
        reconcile(settled, DAYS[5], listing=refuse)
    other = replace(account(), account_id=world.SECOND_ACCOUNT)
    reconcile_account(settled.portal, other, DAYS[5], lambda **_: Listing(()), clock=settled.flow.clock)
    assert settled.findings() == []
    assert reconcile(settled, DAYS[5])["repaired"] == 1


def test_a_listing_that_breaks_off_is_not_kept_and_read_again(settled: Differences) -> None:
    def breaks_off(**_: Any) -> Listing:
        raise RevioRetryable("GET /v1/Services was answered 503", status=503)

    with pytest.raises(RevioRetryable):
        reconcile(settled, DAYS[5], listing=breaks_off)
    assert settled.flow.all("device_association", "revio_snapshot_line") == []
    listing = Counted(settled)
    reconcile(settled, DAYS[5], listing=listing)
    assert listing.asked == 1


def test_a_listing_that_shifts_in_each_pass_reports_nothing_and_is_read_again(settled: Differences) -> None:
    before = state(settled)
    with pytest.raises(RevioRetryable, match="shifts each time"):
        reconcile(settled, LATEST, listing=lambda **_: Listing(tuple(settled.rev.kept[1:]), is_stable=False))
    assert state(settled) == before
    assert settled.findings() == []


def test_a_listing_that_shows_a_part_of_the_customers_is_refused(settled: Differences) -> None:
    before = state(settled)
    with pytest.raises(ConfigurationError, match="lists 3 active lines of account northwind, the mirror knows 206"):
        reconcile(settled, LATEST, listing=lambda **_: Listing(tuple(settled.rev.kept[:3])))
    assert state(settled) == before
    assert settled.findings() == []


def test_lines_that_make_no_sense_do_not_stop_the_others(settled: Differences) -> None:
    settled.rev.kept += [
        Line(80_001, None, None, None, None, None),
        Line(80_002, int(world.ACME), "x" * 300, "\0'quoted' \\ \n", None, None),
        Line(80_003, 9999, "-" * 255, "' OR 1=1 --", None, NOW + 1000 * DAY),
        settled.rev.kept[0],
    ]
    settled.plant(differences.link_missing, 2201, DAYS[5].since)
    assert reconcile(settled, DAYS[5])["repaired"] >= 1
    assert settled.expected < settled.found()


def test_who_dies_between_two_pages_leaves_the_rest_to_the_next_run(
    settled: Differences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled.flow, "portal", settled.flow.portal.execution_options(rows_per_statement=2))
    for number in range(2201, 2208):
        settled.plant(differences.disconnected_at_rev, number, DAYS[5].since)
    whole, dies_after = report, [3]

    def dies(*args: Any, **more: Any) -> None:
        dies_after[0] -= 1
        if dies_after[0] < 0:
            raise KeyboardInterrupt
        whole(*args, **more)

    monkeypatch.setattr(accounts, "report", dies)
    with pytest.raises(KeyboardInterrupt):
        reconcile(settled, DAYS[5])
    assert len(settled.found()) == 6
    monkeypatch.setattr(accounts, "report", whole)
    reconcile(settled, DAYS[5])
    assert settled.found() == settled.expected
    assert reconcile(settled, DAYS[5]) == {"repaired": 0, "open": 0, "closed": 0}


@pytest.mark.slow
def test_who_dies_at_any_transaction_leaves_the_rest_to_the_next_run(
    settled: Differences, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_thirty(settled)
    whole, left = in_transaction, [0]

    def dies(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return whole(*args, **more)

    monkeypatch.setattr(accounts, "in_transaction", dies)
    for number, interval in enumerate(DAYS):
        left[0] = number % 6
        with pytest.raises(KeyboardInterrupt):
            reconcile(settled, interval)
    monkeypatch.setattr(accounts, "in_transaction", whole)
    reconcile(settled, *DAYS)
    assert settled.found() == settled.expected


@pytest.mark.slow
def test_two_at_once_list_once_and_repair_each_difference_once(settled: Differences) -> None:
    plant_thirty(settled)
    listing = Counted(settled)

    def backfill(days: list[Interval]) -> dict[str, int]:
        total = {"repaired": 0, "open": 0, "closed": 0}
        for interval in days:
            while True:
                try:
                    done = reconcile(settled, interval, listing=listing)
                except StepUnfinished:
                    continue
                break
            total = {name: total[name] + done[name] for name in total}
        return total

    with ThreadPoolExecutor(2) as workers:
        one, other = workers.map(backfill, (DAYS, DAYS[::-1]))
    assert settled.found() == settled.expected
    assert listing.asked == 1
    repaired = [finding for finding in settled.findings() if finding["isrepaired"]]
    assert one["repaired"] + other["repaired"] == len(repaired)
    assert one["closed"] + other["closed"] == 0


def test_a_change_that_is_retried_meanwhile_is_left_alone(settled: Differences) -> None:
    settled.plant(differences.change_status_wrong, 101, DAYS[5].since)
    settled.put("device_association.change_state", {}, claimrunid="run", claimeddate=NOW)
    assert reconcile(settled, DAYS[5])["repaired"] == 0


def test_a_corrected_change_owes_the_notification_of_its_end(settled: Differences) -> None:
    settled.plant(differences.rows_left_open, 101, DAYS[5].since)
    reconcile(settled, DAYS[5])
    (change,) = settled.flow.all("dbo", "devicebulkchange", changerequesttypeid=4)
    assert change["status"] == "PARTIALLY_PROCESSED"
    assert len(settled.flow.all("device_association", "outbox", kind="NOTIFICATION")) == 1
    (result,) = settled.flow.all("device_association", "change_result")
    assert (result["status"], result["devices"], result["processed"]) == ("PARTIALLY_PROCESSED", 2, 1)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (TODAY, TODAY, "is empty"),
        (TODAY, TODAY - DAY, "is empty"),
        (TODAY, TODAY + DAY, "still goes on"),
        (TODAY + DAY, TODAY + 2 * DAY, "has not begun"),
        (NOW - DAY, NOW + timedelta(milliseconds=1), "still goes on"),
    ],
)
def test_an_interval_that_is_no_past_is_refused(since: datetime, until: datetime, said: str) -> None:
    with pytest.raises(RequestRefused, match=said):
        past_interval(since, until, now=NOW)


def test_an_interval_that_ended_just_now_or_long_ago_is_taken() -> None:
    assert past_interval(NOW - DAY, NOW, now=NOW) == Interval(NOW - DAY, NOW)
    year = Interval(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert past_interval(year.since, year.until, now=NOW) == year


def test_the_accounts_are_those_with_a_connection_and_customers(settled: Differences) -> None:
    assert [one.connection_id for one in snapshot.list_accounts(settled.portal)] == [
        "revio_northwind",
        "revio_secondary",
    ]
    settled.put("dbo.revcustomer", {"integrationauthenticationid": world.SECOND_ACCOUNT}, isdeleted=1)
    assert [one.account_id for one in snapshot.list_accounts(settled.portal)] == [world.ACCOUNT]
    settled.put("dbo.integration_authentication", {"id": world.ACCOUNT}, connectionid="")
    assert snapshot.list_accounts(settled.portal) == []


def test_every_kind_has_its_advice_and_a_statement_that_closes_it() -> None:
    assert set(FINDING_ADVICE) == set(FindingKind)

    def named_in(statement: str) -> set[FindingKind]:
        closing = (SQL_FOLDER / f"{statement}.sql").read_text(encoding="utf-8")
        return {kind for kind in FindingKind if f"'{kind}'" in closing}

    assert named_in("reconciliation/close_unseen") == REPORTED
    swept, failed = named_in("service_lines/close_settled"), named_in("findings/close_done")
    repaired = set(FindingKind) - REPORTED - swept - failed
    at_once = {kind for kind in FindingKind if FINDING_ADVICE[kind].startswith("Nothing to do")}
    assert repaired == at_once | {FindingKind.ROWS_LEFT_OPEN}


@pytest.mark.parametrize("kind", sorted(REPORTED))
def test_each_kind_that_is_only_reported_is_closed_when_it_is_seen_no_more(
    settled: Differences, kind: FindingKind
) -> None:
    gone = Finding(kind, "line 1/9", "it was there", account_id=world.ACCOUNT, tenant_id=world.NORTHWIND, service_id=9)
    with settled.portal.begin() as connection:
        report(connection, [gone], now=settled.flow.clock())
    assert reconcile(settled, LATEST)["closed"] == 1
    assert [one["kind"] for one in settled.findings() if one["closeddate"] is None] == []

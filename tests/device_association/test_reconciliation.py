"""Reconciliation: what differs is found, the safe repaired, the rest told; a second run is silent, in whatever order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from device_association import line_planning, reconciliation, vendor_lines
from device_association.change_repairs import repair_changes
from device_association.database import SQL_FOLDER, run
from device_association.errors import (
    ConfigurationError,
    RequestRefused,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.findings import FINDING_ADVICE, REPORTED, FindingKind
from device_association.reconciliation import Interval, past_interval, reconcile_account
from device_association.revio import Line
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


class Listing:
    """Lists an account as Rev.io does, and counts how often it was asked."""

    def __init__(self, world_of: Differences) -> None:
        self.world_of, self.asked = world_of, 0

    def __call__(self) -> Iterator[Line]:
        self.asked += 1
        return self.world_of.rev.lines()


def account(number: int = world.ACCOUNT) -> vendor_lines.RevAccount:
    return vendor_lines.RevAccount(number, "northwind", "revio_northwind", world.NORTHWIND)


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
    listing = Listing(settled)
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


def test_a_sim_that_somebody_is_at_work_on_is_neither_touched_nor_told(settled: Differences) -> None:
    settled.flow.clock.now = DAYS[5].since
    claim = settled.flow.open(settled.flow.create(request([world.iccid(101)])).change_id)
    settled.flow.check(claim)
    reconciled = Listing(settled)
    line_planning.plan_rev_services(
        settled.portal, claim, lambda _: settled.rev, settled.flow.settings, now=settled.flow.clock()
    )
    settled.rev.kept.append(Line(90_001, int(world.ACME), None, world.iccid(101), DAYS[5].since, None))
    settled.flow.clock.now = NOW
    for values in (
        {"state": "PLANNED"},
        {"state": "CALLING", "leaseowner": "w", "leaseuntil": NOW},
        {"state": "UNKNOWN", "leaseowner": None, "leaseuntil": None, "unknownsince": OLD},
    ):
        settled.put("device_association.rev_intent", {}, **values)
        assert reconcile(settled, DAYS[5], LATEST, listing=reconciled) == {"repaired": 0, "open": 0, "closed": 0}
    assert settled.flow.all("dbo", "revservice", revserviceid=90_001) == []


def test_an_ended_row_with_an_unknown_outcome_stays_unknown(settled: Differences) -> None:
    change_id, made = settled.run_change(101, DAYS[5].since)
    settled.forget(made)
    settled.put("dbo.devicebulkchange", {"id": change_id}, status="ERROR")
    unknown = {"state": "UNKNOWN", "unknownsince": OLD, "revserviceid": None, "readydate": None}
    settled.put("device_association.rev_intent", {}, **unknown)
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


def test_the_listing_is_read_anew_on_the_next_day_only(settled: Differences) -> None:
    listing = Listing(settled)
    reconcile(settled, *DAYS, listing=listing)
    settled.flow.clock.now = TODAY + DAY - timedelta(minutes=1)
    reconcile(settled, LATEST, listing=listing)
    assert listing.asked == 1
    settled.flow.clock.now = TODAY + DAY + timedelta(minutes=1)
    reconcile(settled, LATEST, listing=listing)
    assert listing.asked == 2
    assert len(settled.flow.all("device_association", "vendor_line")) == len(settled.rev.kept)


def test_refused_credentials_end_the_account_s_run_and_leave_the_other_account_its_own(settled: Differences) -> None:
    def refuse() -> Iterator[Line]:
        raise RevioUnauthorized("GET /v1/Services was answered 401", status=401)

    settled.plant(differences.link_missing, 2201, DAYS[5].since)
    with pytest.raises(RevioUnauthorized):
        reconcile(settled, DAYS[5], listing=refuse)
    other = replace(account(), account_id=world.SECOND_ACCOUNT)
    reconcile_account(settled.portal, other, DAYS[5], lambda: iter(()), clock=settled.flow.clock)
    assert settled.findings() == []
    assert reconcile(settled, DAYS[5])["repaired"] == 1


def test_a_listing_that_breaks_off_is_not_kept_and_read_again(settled: Differences) -> None:
    def breaks_off() -> Iterator[Line]:
        yield from settled.rev.kept[:50]
        raise RevioRetryable("GET /v1/Services was answered 503", status=503)

    with pytest.raises(RevioRetryable):
        reconcile(settled, DAYS[5], listing=breaks_off)
    assert settled.flow.all("device_association", "vendor_line") == []
    listing = Listing(settled)
    reconcile(settled, DAYS[5], listing=listing)
    assert listing.asked == 1


def test_a_listing_that_shows_a_part_of_the_customers_is_refused(settled: Differences) -> None:
    before = state(settled)
    with pytest.raises(ConfigurationError, match="lists 3 active lines of account northwind, the mirror knows 206"):
        reconcile(settled, LATEST, listing=lambda: iter(settled.rev.kept[:3]))
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
    monkeypatch.setattr(reconciliation, "ROWS_PER_STATEMENT", 2)
    for number in range(2201, 2208):
        settled.plant(differences.disconnected_at_rev, number, DAYS[5].since)
    whole, dies_after = reconciliation.report, [3]

    def dies(*args: Any, **more: Any) -> None:
        dies_after[0] -= 1
        if dies_after[0] < 0:
            raise KeyboardInterrupt
        whole(*args, **more)

    monkeypatch.setattr(reconciliation, "report", dies)
    with pytest.raises(KeyboardInterrupt):
        reconcile(settled, DAYS[5])
    assert len(settled.found()) == 6
    monkeypatch.setattr(reconciliation, "report", whole)
    reconcile(settled, DAYS[5])
    assert settled.found() == settled.expected
    assert reconcile(settled, DAYS[5]) == {"repaired": 0, "open": 0, "closed": 0}


def test_who_dies_at_any_transaction_leaves_the_rest_to_the_next_run(
    settled: Differences, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_thirty(settled)
    whole, left = reconciliation.in_transaction, [0]

    def dies(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return whole(*args, **more)

    monkeypatch.setattr(reconciliation, "in_transaction", dies)
    for number, interval in enumerate(DAYS):
        left[0] = number % 6
        with pytest.raises(KeyboardInterrupt):
            reconcile(settled, interval)
    monkeypatch.setattr(reconciliation, "in_transaction", whole)
    reconcile(settled, *DAYS)
    assert settled.found() == settled.expected


def test_two_at_once_list_once_and_repair_each_difference_once(settled: Differences) -> None:
    plant_thirty(settled)
    listing = Listing(settled)

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
    assert [one.connection_id for one in vendor_lines.list_accounts(settled.portal)] == [
        "revio_northwind",
        "revio_secondary",
    ]
    settled.put("dbo.revcustomer", {"integrationauthenticationid": world.SECOND_ACCOUNT}, isdeleted=1)
    assert [one.account_id for one in vendor_lines.list_accounts(settled.portal)] == [world.ACCOUNT]
    settled.put("dbo.integration_authentication", {"id": world.ACCOUNT}, connectionid="")
    assert vendor_lines.list_accounts(settled.portal) == []


def test_every_kind_has_its_advice_and_what_is_only_reported_is_closed_by_the_statement_that_closes() -> None:
    assert set(FINDING_ADVICE) == set(FindingKind)
    closing = (SQL_FOLDER / "reconciliation/close_unseen.sql").read_text(encoding="utf-8")
    assert {kind for kind in FindingKind if f"'{kind}'" in closing} == REPORTED

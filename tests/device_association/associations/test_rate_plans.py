"""Plans that were asked for a later date: set on that date or refused with a reason, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, update

from device_association.associations.rate_plans import Interval, apply_due_plans
from device_association.domain.errors import IntervalInFuture
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

PLAIN = groups().plain
QUEUE = "device_customerrateplanorratepool_queue"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DUE = NOW + DAY
BOTH_PLANS = {
    "APPLIED": 2,
    "CUSTOMER_CHANGED": 0,
    "DEVICE_ARCHIVED": 0,
    "PLAN_NOT_FOUND": 0,
    "SUPERSEDED": 0,
    "WAITING": 0,
}
NOTHING = dict.fromkeys(BOTH_PLANS, 0)
SEEN = [
    *(("dbo", name) for name in (QUEUE, "device_tenant", "deviceactionhistory", "devicebulkchangelog")),
    ("dbo", "crossproviderdevicehistory"),
    *(("device_association", name) for name in ("plan_outcome", "device_lock")),
]


def ask(flow: Flow, count: int = 1, *, on: datetime | None = DUE, plan: str = "1", **more: Any) -> int:
    """Associate the first devices with Acme and ask for a plan; return the change."""
    date = on and on.isoformat()
    asked = request(PLAIN[:count], CreateRevService=False, AddCustomerRatePlan=True, CustomerRatePlan=plan, **more)
    return flow.run(asked | {"EffectiveDate": date}).bulk_change_id


def apply(
    flow: Flow, at: datetime = DUE, *, interval: Interval | None = None, rows_per_statement: int = 4000
) -> dict[str, int]:
    """Run the hour's task when it is `at`."""
    flow.clock.now = at
    engine = flow.portal.execution_options(rows_per_statement=rows_per_statement)
    return apply_due_plans(engine, interval or Interval(), clock=flow.clock)


def happened(outcomes: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in outcomes.items() if count}


def write(flow: Flow, name: str, **values: Any) -> None:
    """Insert a row as the portal would."""
    with flow.portal.begin() as connection:
        connection.execute(insert(flow.table("dbo", name)).values(**values))


def move(flow: Flow, name: str, where: dict[str, Any], **values: Any) -> None:
    """Change rows as the portal would."""
    table = flow.table("dbo", name)
    with flow.portal.begin() as connection:
        matches = [table.c[column] == value for column, value in where.items()]
        connection.execute(update(table).where(*matches).values(**values))


def portals_plan(flow: Flow, **values: Any) -> None:
    row = {
        "deviceid": 1,
        "tenantid": world.NORTHWIND,
        "effectivedate": DUE,
        "customerrateplanid": 2,
        "createddate": NOW,
    }
    write(flow, QUEUE, **(row | {"portaltype": 0, "createdby": "pat.portal"} | values))


def tenancy(flow: Flow, device: int = 1) -> dict[str, Any]:
    (found,) = flow.all("dbo", "device_tenant", deviceid=device, tenantid=world.NORTHWIND)
    return found


def outcomes_of(flow: Flow) -> list[str]:
    return [one["outcome"] for one in flow.all("device_association", "plan_outcome")]


def everything(flow: Flow) -> list[list[dict[str, Any]]]:
    return [flow.all(*table) for table in SEEN]


@contextmanager
def before(engine: Engine, words: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something just before the engine is sent a statement with these words."""

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement:
            act()

    event.listen(engine, "before_cursor_execute", listen)
    yield
    event.remove(engine, "before_cursor_execute", listen)


def test_a_plan_is_set_on_its_date_with_history_log_and_cross_provider_history(flow: Flow) -> None:
    change = ask(flow, 2, CustomerRatePool="1", CustomerDataAllocationMB=5)
    earlier = len(flow.all("dbo", "deviceactionhistory"))
    assert apply(flow, DUE + timedelta(seconds=3)) == BOTH_PLANS
    set_now = tenancy(flow)
    assert [set_now[f"customer{name}"] for name in ("rateplanid", "ratepoolid", "dataallocationmb")] == [1, 1, 5]
    history = flow.all("dbo", "deviceactionhistory")[earlier:]
    assert {
        (one["m2mdeviceid"], one["changedfield"], one["previousvalue"], one["currentvalue"]) for one in history
    } == {
        (device, field, None, value)
        for device in (1, 2)
        for field, value in (
            ("CustomerRatePlanId", "1"),
            ("CustomerRatePoolId", "1"),
            ("CustomerDataAllocationMB", "5.0000"),
        )
    }
    assert len(history) == 6
    told = ("bulkchangeid", "changeeventtype", "changedby", "customeraccountname", "customeraccountnumber", "iccid")
    assert [history[0][name] for name in told] == [
        change, "Associate Customer", "dora.ops", "Acme Fleet", world.ACME, PLAIN[history[0]["m2mdeviceid"] - 1]
    ]  # fmt: skip
    logged = flow.all(
        "dbo", "devicebulkchangelog", logentrydescription="assign_customer_rate_plan", responsetext="assigned"
    )
    rows = [one["id"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=change)]
    assert sorted((one["m2mdevicechangeid"], one["responsestatus"]) for one in logged) == [
        (row, "PROCESSED") for row in rows
    ]
    opened = [one for one in flow.all("dbo", "crossproviderdevicehistory", deviceid=1) if one["effectiveto"] is None]
    assert [(one["effectivefrom"], one["customerrateplanid"]) for one in opened] == [(DUE, 1)]
    assert {one["processeddate"] for one in flow.all("dbo", QUEUE)} == {DUE + timedelta(seconds=3)}
    assert outcomes_of(flow) == ["APPLIED", "APPLIED"]


def test_only_the_fields_that_a_plan_changes_have_a_history_row(flow: Flow) -> None:
    ask(flow, on=NOW, CustomerRatePool="1")
    ask(flow, on=DUE, plan="2", CustomerRatePool="1")
    apply(flow)
    last = flow.all("dbo", "deviceactionhistory")[-1]
    assert (last["changedfield"], last["previousvalue"], last["currentvalue"]) == ("CustomerRatePlanId", "1", "2")
    assert len([one for one in flow.all("dbo", "deviceactionhistory") if one["dateofchange"] == DUE]) == 1


def test_a_plan_whose_date_is_still_to_come_is_left(flow: Flow) -> None:
    ask(flow)
    before_it = everything(flow)
    assert apply(flow, DUE - timedelta(milliseconds=1)) == NOTHING
    assert everything(flow) == before_it


def test_a_second_run_changes_nothing(flow: Flow) -> None:
    ask(flow, 3)
    apply(flow)
    once = everything(flow)
    assert apply(flow, DUE + HOUR) == NOTHING
    assert everything(flow) == once


def test_a_run_that_dies_between_two_batches_is_finished_by_the_next(flow: Flow) -> None:
    ask(flow, 6)
    flow.clock.now = DUE
    ticks = iter([DUE] * 3)

    def dying() -> datetime:
        try:
            return next(ticks)
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        apply_due_plans(flow.portal.execution_options(rows_per_statement=1), Interval(), clock=dying)
    assert outcomes_of(flow) == ["APPLIED"] * 2
    assert happened(apply(flow, DUE + HOUR, rows_per_statement=1)) == {"APPLIED": 4}
    assert sorted(one["m2mdeviceid"] for one in _plan_history(flow)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("at", ["plan_outcome", "DeviceActionHistory", "DeviceBulkChangeLog", "DELETE FROM"])
def test_a_batch_that_dies_in_the_middle_leaves_nothing_behind(flow: Flow, at: str) -> None:
    ask(flow, 2)
    before_it = everything(flow)

    def die() -> None:
        raise KeyboardInterrupt

    with before(flow.portal, at, die), pytest.raises(KeyboardInterrupt):
        apply(flow)
    assert everything(flow) == before_it
    assert apply(flow) == BOTH_PLANS


def test_two_runs_at_once_do_each_plan_once(flow: Flow) -> None:
    for number in range(10):
        date = NOW + timedelta(days=number + 1)
        flow.clock.now = date - HOUR
        ask(flow, 4, on=date, plan=str(1 + number % 2))
        flow.clock.now = date
        barrier = Barrier(2, timeout=30)

        def start(size: int, barrier: Barrier = barrier) -> dict[str, int]:
            barrier.wait()
            engine = flow.portal.execution_options(rows_per_statement=size)
            return apply_due_plans(engine, Interval(), clock=flow.clock)

        with ThreadPoolExecutor(2) as pool:
            counted = list(pool.map(start, (2, 3)))
        assert sum(one["APPLIED"] for one in counted) == 4
        assert len(_plan_history(flow)) == len(outcomes_of(flow)) == 4 * (number + 1)
    logged = flow.all(
        "dbo", "devicebulkchangelog", logentrydescription="assign_customer_rate_plan", responsetext="assigned"
    )
    assert len(logged) == 40
    assert flow.all("device_association", "device_lock") == []


def test_a_device_of_another_customer_by_now_keeps_what_it_has(flow: Flow) -> None:
    change = ask(flow, 2)
    flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS, CreateRevService=False))
    assert happened(apply(flow)) == {"APPLIED": 1, "CUSTOMER_CHANGED": 1}
    assert (tenancy(flow)["customerrateplanid"], tenancy(flow, 2)["customerrateplanid"]) == (None, 1)
    (refused,) = flow.all("device_association", "plan_outcome", outcome="CUSTOMER_CHANGED")
    assert f"asked for Acme Fleet, the device now has customer {world.BOREALIS};" in refused["detail"]
    (logged,) = flow.all("dbo", "devicebulkchangelog", bulkchangeid=change, haserrors=1)
    assert (logged["errortext"], logged["responsestatus"]) == (refused["detail"], "ERROR")
    assert apply(flow, DUE + HOUR) == NOTHING


def test_the_same_customer_number_in_another_account_is_another_customer(flow: Flow) -> None:
    ask(flow)
    move(flow, "device_tenant", {"deviceid": 1}, accountnumberintegrationauthenticationid=world.SECOND_ACCOUNT)
    assert happened(apply(flow)) == {"CUSTOMER_CHANGED": 1}


def test_a_device_that_left_the_tenant_has_no_customer_any_more(flow: Flow) -> None:
    ask(flow)
    move(flow, "device_tenant", {"deviceid": 1}, isdeleted=1)
    assert happened(apply(flow)) == {"CUSTOMER_CHANGED": 1}
    assert "the device now has customer none" in flow.all("device_association", "plan_outcome")[0]["detail"]


@pytest.mark.parametrize("archived", [{"isactive": 0}, {"devicestatusid": 4}, {"isdeleted": 1}])
def test_an_archived_device_gets_no_plan(flow: Flow, archived: dict[str, int]) -> None:
    ask(flow)
    move(flow, "device", {"id": 1}, **archived)
    assert happened(apply(flow)) == {"DEVICE_ARCHIVED": 1}
    assert tenancy(flow)["customerrateplanid"] is None


def test_of_a_device_s_plans_that_are_due_together_the_latest_is_set(flow: Flow) -> None:
    ask(flow, on=DUE + DAY, plan="2")
    ask(flow, on=DUE, plan="1")
    assert happened(apply(flow, DUE + 2 * DAY)) == {"APPLIED": 1, "SUPERSEDED": 1}
    assert tenancy(flow)["customerrateplanid"] == 2
    assert len(_plan_history(flow)) == 1
    assert flow.all("dbo", "crossproviderdevicehistory", deviceid=1)[-1]["effectivefrom"] == DUE + DAY


def test_on_the_same_date_the_higher_change_wins(flow: Flow) -> None:
    ask(flow, plan="2")
    higher = ask(flow, plan="1")
    assert happened(apply(flow)) == {"APPLIED": 1, "SUPERSEDED": 1}
    assert tenancy(flow)["customerrateplanid"] == 1
    (late,) = flow.all("device_association", "plan_outcome", outcome="SUPERSEDED")
    assert f"bulk change {higher}" in late["detail"]


def test_a_plan_that_comes_after_a_later_one_was_set_is_too_late(flow: Flow) -> None:
    ask(flow, on=DUE, plan="2")
    apply(flow)
    portals_plan(flow, effectivedate=DUE - HOUR, customerrateplanid=1)
    assert happened(apply(flow, DUE + HOUR)) == {"SUPERSEDED": 1}
    assert tenancy(flow)["customerrateplanid"] == 2


def test_a_later_plan_that_is_refused_supersedes_nothing(flow: Flow) -> None:
    ask(flow, on=DUE, plan="1")
    flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS, CreateRevService=False, AddCustomerRatePlan=True,
                     CustomerRatePlan="2", EffectiveDate=(DUE + HOUR).isoformat()))  # fmt: skip
    flow.run(request(PLAIN[:1], CreateRevService=False))
    assert happened(apply(flow, DUE + DAY)) == {"APPLIED": 1, "CUSTOMER_CHANGED": 1}
    assert tenancy(flow)["customerrateplanid"] == 1


@pytest.mark.parametrize(
    ("date", "outcome"), [(DUE + HOUR, "SUPERSEDED"), (DUE, "SUPERSEDED"), (DUE - HOUR, "APPLIED")]
)
def test_a_plan_that_a_later_change_set_at_once_counts_by_its_date(flow: Flow, date: datetime, outcome: str) -> None:
    ask(flow, on=DUE, plan="1")
    flow.clock.now = DUE + 2 * HOUR
    ask(flow, on=date, plan="2")
    assert happened(apply(flow, DUE + 2 * HOUR)) == {outcome: 1}
    assert tenancy(flow)["customerrateplanid"] == (1 if outcome == "APPLIED" else 2)


def test_a_plan_set_at_once_without_a_date_counts_from_the_activation(flow: Flow) -> None:
    ask(flow, on=DUE, plan="1")
    flow.clock.now = DUE + HOUR
    ask(flow, on=None, plan="2")
    assert happened(apply(flow, DUE + HOUR)) == {"APPLIED": 1}


@pytest.mark.parametrize(("changed", "outcome"), [(DUE + HOUR, "SUPERSEDED"), (DUE - HOUR, "APPLIED")])
def test_a_plan_that_another_program_set_since_the_date_stays(flow: Flow, changed: datetime, outcome: str) -> None:
    ask(flow)
    theirs = flow.all("dbo", "devicebulkchange")[0]["id"]
    history = {"m2mdeviceid": 1, "iccid": PLAIN[0], "bulkchangeid": theirs, "tenantid": world.NORTHWIND}
    write(flow, "deviceactionhistory", changedfield="CustomerRatePlanId", dateofchange=changed, **history)
    assert happened(apply(flow, DUE + 2 * HOUR)) == {outcome: 1}


def test_a_plan_that_was_retired_is_set_and_one_that_was_deleted_is_not(flow: Flow) -> None:
    ask(flow, 1, plan="1")
    portals_plan(flow, deviceid=2, customerrateplanid=2)
    portals_plan(flow, deviceid=3, customerrateplanid=999)
    portals_plan(flow, deviceid=4, customerrateplanid=None, customerratepoolid=999)
    move(flow, "customerrateplan", {"id": 1}, isactive=0)
    move(flow, "customerrateplan", {"id": 2}, isdeleted=1)
    assert happened(apply(flow)) == {"APPLIED": 1, "PLAN_NOT_FOUND": 3}
    assert [tenancy(flow, device)["customerrateplanid"] for device in (1, 2, 3)] == [1, None, None]
    details = [one["detail"] for one in flow.all("device_association", "plan_outcome", outcome="PLAN_NOT_FOUND")]
    assert "customer rate plan 999 or pool none" in details[1]
    assert "customer rate plan none or pool 999" in details[2]


def test_a_device_that_a_change_is_at_work_on_waits_for_the_next_hour(flow: Flow) -> None:
    ask(flow, 2)
    claim = flow.open(flow.create(request(PLAIN[:1], CreateRevService=False)).change_id)
    assert happened(apply(flow)) == {"APPLIED": 1, "WAITING": 1}
    flow.check(claim)
    flow.associate(claim)
    assert happened(apply(flow, DUE + HOUR)) == {"APPLIED": 1}
    assert tenancy(flow)["customerrateplanid"] == 1


def test_a_device_with_an_open_row_of_another_program_waits(flow: Flow) -> None:
    ask(flow)
    theirs = flow.all("dbo", "devicebulkchange")[0]["id"]
    write(flow, "m2m_devicechange", bulkchangeid=theirs, deviceid=1, iccid=PLAIN[0], status="NEW")
    assert happened(apply(flow)) == {"WAITING": 1}
    move(flow, "devicebulkchange", {"id": theirs}, status="PROCESSED", processeddate=DUE)
    assert happened(apply(flow, DUE + HOUR)) == {"APPLIED": 1}


def test_a_request_that_comes_while_a_batch_is_decided_gets_its_device_afterwards(flow: Flow) -> None:
    ask(flow)
    with ThreadPoolExecutor(1) as other:
        asked: list[Any] = []

        def send() -> None:
            asked.append(other.submit(flow.create, request(PLAIN[:1], CreateRevService=False)))

        with before(flow.portal, "INSERT INTO dbo.DeviceActionHistory", send):
            apply(flow)
        assert asked[0].result(timeout=60).accepted == 1
    assert tenancy(flow)["customerrateplanid"] == 1


def test_a_device_given_away_between_the_decision_and_its_effect_keeps_its_plan(flow: Flow) -> None:
    ask(flow, 2)
    given: list[int] = []

    def give_away() -> None:
        if not given:
            given.append(1)
            move(flow, "device_tenant", {"deviceid": 1}, accountnumber=world.BOREALIS)

    with before(flow.portal, "INSERT INTO dbo.DeviceActionHistory", give_away):
        assert happened(apply(flow)) == {"APPLIED": 1, "CUSTOMER_CHANGED": 1}
    assert tenancy(flow)["customerrateplanid"] is None
    assert [one["m2mdeviceid"] for one in _plan_history(flow)] == [2]


def test_a_plan_that_the_portal_wrote_without_a_change_is_set_and_has_no_log(flow: Flow) -> None:
    logged = len(flow.all("dbo", "devicebulkchangelog"))
    portals_plan(flow)
    assert happened(apply(flow)) == {"APPLIED": 1}
    (history,) = _plan_history(flow)
    assert (history["bulkchangeid"], history["changedby"], history["customeraccountname"]) == (None, "pat.portal", None)
    assert tenancy(flow)["customerrateplanid"] == 2
    assert len(flow.all("dbo", "devicebulkchangelog")) == logged


def test_a_plan_that_the_portal_wrote_is_for_the_customer_of_that_day(flow: Flow) -> None:
    for device in (1, 2):
        portals_plan(flow, deviceid=device)
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[1:2], CreateRevService=False))
    assert happened(apply(flow)) == {"APPLIED": 1, "CUSTOMER_CHANGED": 1}
    assert tenancy(flow, 2)["customerrateplanid"] is None


def test_plans_of_another_portal_deleted_ones_and_done_ones_are_left(flow: Flow) -> None:
    for left in ({"portaltype": 2}, {"isdeleted": 1}, {"processeddate": NOW}):
        portals_plan(flow, **left)
    before_it = everything(flow)
    assert apply(flow) == NOTHING
    assert everything(flow) == before_it


def test_a_plan_that_somebody_opened_again_is_done_and_set_only_once(flow: Flow) -> None:
    ask(flow)
    apply(flow)
    move(flow, QUEUE, {"deviceid": 1}, processeddate=None)
    assert apply(flow, DUE + HOUR) == NOTHING
    assert flow.all("dbo", QUEUE)[0]["processeddate"] == DUE + HOUR
    assert len(_plan_history(flow)) == len(outcomes_of(flow)) == 1


def test_the_cross_provider_history_is_brought_up_to_date_once_a_date(flow: Flow) -> None:
    ask(flow, 6, on=DUE + HOUR)
    for device in range(10, 16):
        portals_plan(flow, deviceid=device)
    calls: list[int] = []
    with before(flow.portal, "dbo.usp_UpdateCrossProviderDeviceHistory", lambda: calls.append(1)):
        assert happened(apply(flow, DUE + DAY)) == {"APPLIED": 12}
    assert len(calls) == 2
    begins = {one["deviceid"]: one["effectivefrom"] for one in flow.all("dbo", "crossproviderdevicehistory")}
    assert (begins[1], begins[10]) == (DUE + HOUR, DUE)


def test_a_batch_has_no_more_plans_than_a_statement_may_write_and_keeps_a_device_s_together(flow: Flow) -> None:
    ask(flow, 3, plan="1", on=DUE)
    ask(flow, 2, plan="2", on=DUE + HOUR)
    ends: list[int] = []
    with before(flow.portal, "DELETE FROM", lambda: ends.append(1)):
        assert happened(apply(flow, DUE + DAY, rows_per_statement=3)) == {"APPLIED": 3, "SUPERSEDED": 2}
    assert len(ends) == 2


def test_a_past_interval_takes_what_was_due_at_its_end_and_any_order_comes_to_the_same(flow: Flow) -> None:
    for device, hours in ((1, 0), (2, 1), (3, 2)):
        portals_plan(flow, deviceid=device, effectivedate=DUE + hours * HOUR)
    late = DUE + DAY
    second = Interval(DUE, DUE + HOUR)
    assert happened(apply(flow, late, interval=second)) == {"APPLIED": 2}
    assert apply(flow, late, interval=Interval(DUE - HOUR, DUE)) == NOTHING
    assert apply(flow, late, interval=second) == NOTHING
    assert happened(apply(flow, late, interval=Interval(DUE + 20 * HOUR, DUE + 21 * HOUR))) == {"APPLIED": 1}


def test_an_interval_that_has_begun_takes_what_is_due_by_now(flow: Flow) -> None:
    portals_plan(flow, deviceid=1, effectivedate=DUE)
    portals_plan(flow, deviceid=2, effectivedate=DUE + HOUR)
    assert happened(apply(flow, DUE, interval=Interval(NOW, DUE + 9 * DAY))) == {"APPLIED": 1}


def test_an_interval_in_the_future_is_refused_and_nothing_is_done(flow: Flow) -> None:
    ask(flow)
    before_it = everything(flow)
    with pytest.raises(IntervalInFuture, match=r"from 2026-11-26T12:00:00\+00:00 on, and it is 2026-11-25T12:00:00"):
        apply(flow, DUE, interval=Interval(DUE + DAY, DUE + DAY + HOUR))
    assert everything(flow) == before_it


def test_a_plan_of_the_full_hour_is_not_an_hour_late_because_the_database_s_clock_is_behind(flow: Flow) -> None:
    ask(flow, on=DUE)
    assert happened(apply(flow, DUE - timedelta(seconds=2), interval=Interval(DUE - HOUR, DUE))) == {"APPLIED": 1}


CLOCKS_CHANGE = [
    # Chicago puts its clocks forward on 14 March 2027 at 2:00, Berlin on 28 March; back on 7 November and 31 October.
    ("2027-03-14T00:00:00", (2027, 3, 14, 6), (2027, 3, 13, 23)),
    ("2027-03-15T00:00:00", (2027, 3, 15, 5), (2027, 3, 14, 23)),
    ("2027-03-28T03:00:00", (2027, 3, 28, 8), (2027, 3, 28, 1)),
    ("2027-03-29T00:00:00", (2027, 3, 29, 5), (2027, 3, 28, 22)),
    ("2027-10-31T00:00:00", (2027, 10, 31, 5), (2027, 10, 30, 22)),
    ("2027-11-01T00:00:00", (2027, 11, 1, 5), (2027, 10, 31, 23)),
    ("2027-11-07T01:30:00", (2027, 11, 7, 7), (2027, 11, 7, 1)),
    ("2027-11-08T00:00:00", (2027, 11, 8, 6), (2027, 11, 7, 23)),
]
"""A local time, and the first full hour in UTC at which it has come in Chicago and in Berlin."""


@pytest.mark.parametrize(("local", "chicago", "berlin"), CLOCKS_CHANGE, ids=[one[0] for one in CLOCKS_CHANGE])
def test_a_local_date_is_applied_by_the_right_hour_s_run_around_a_change_of_the_clocks(
    flow: Flow, local: str, chicago: tuple[int, int, int, int], berlin: tuple[int, int, int, int]
) -> None:
    move(flow, "tenant", {"id": world.FLEET}, timezone="Europe/Berlin")
    theirs = {"serviceproviderid": world.JASPER, "tenantid": world.FLEET}
    write(flow, "customerrateplan", rateplancode="GULF-10", rateplanname="10 MB", **theirs)
    own = str(flow.all("dbo", "customerrateplan", tenantid=world.FLEET)[0]["id"])
    plan = {"CreateRevService": False, "AddCustomerRatePlan": True, "EffectiveDate": local}
    flow.run(request(PLAIN[:1], CustomerRatePlan="1", **plan))
    inherited = request(groups().inherited[:1], RevCustomerId=world.GULF, CustomerRatePlan=own, **plan)
    claim = flow.open(flow.create(inherited, user="finn.fleet").change_id)
    flow.check(claim)
    flow.associate(claim)
    assert flow.close(claim).status == "PROCESSED"
    for tenant, hour in ((world.FLEET, berlin), (world.NORTHWIND, chicago)):
        due = datetime(*hour, tzinfo=UTC)
        assert apply(flow, due - timedelta(seconds=1), interval=Interval(due - 2 * HOUR, due - HOUR)) == NOTHING
        assert happened(apply(flow, due + timedelta(seconds=1), interval=Interval(due - HOUR, due))) == {"APPLIED": 1}
        (done,) = flow.all("dbo", QUEUE, tenantid=tenant)
        assert done["processeddate"] == due + timedelta(seconds=1)


def _plan_history(flow: Flow) -> list[dict[str, Any]]:
    return [one for one in flow.all("dbo", "deviceactionhistory") if one["changedfield"] == "CustomerRatePlanId"]

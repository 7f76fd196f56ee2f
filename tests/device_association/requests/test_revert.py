"""A bulk change taken back: what its devices had, by query; lines ended once, whoever dies; what is refused and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update

from device_association.associations.associate import associate_devices
from device_association.associations.rate_plans import Interval, apply_due_plans
from device_association.bulk_changes.access import PortalUser, find_caller
from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.close import Closed
from device_association.data_checks.gate import load_frame
from device_association.domain.errors import (
    ClaimLost,
    RequestRefused,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.maintenance.sweep import run_missing_procedures
from device_association.requests.actions import retry_change
from device_association.requests.create import Created
from device_association.requests.revert import preview_revert, revert_change
from device_association.revio.client import Product
from device_association.revio.lines import Line
from device_association.service_lines import calls, create
from device_association.service_lines.in_doubt import settle_outcomes
from device_association.service_lines.plan import plan_rev_services
from local.sample_data import groups, world
from tests.flow import NOW, Flow, Rev, request, settings

PLAIN, INHERITED, ADOPTABLE = groups().plain, groups().inherited, groups().adoptable
FIELDS = (
    *("siteid", "accountnumber", "accountnumberintegrationauthenticationid", "revserviceid", "customerrateplanid"),
    *("customerratepoolid", "customerdataallocationmb", "isactive", "isdeleted"),
)
EVERYTHING: dict[str, Any] = {
    "RevProductIdList": [world.PRODUCT, world.SECOND_PRODUCT],
    "RateList": ["1.5", "2"],
    "AddCustomerRatePlan": True,
    "CustomerRatePlan": world.RATE_PLAN,
    "CustomerRatePool": world.RATE_POOL,
    "CustomerDataAllocationMB": "250.5",
    "AddCarrierRatePlan": True,
    "CarrierRatePlan": world.CARRIER_PLAN,
    "CommPlan": "fast",
    "EffectiveDate": "2026-11-01T00:00:00",
}
TOLD = "time-out"
ONE_PRODUCT = {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}
REASON = "the wrong customer"
WRITTEN = [
    *(("dbo", name) for name in ("devicebulkchange", "m2m_devicechange", "devicechangerequest", "devicebulkchangelog")),
    *(("device_association", name) for name in ("change_state", "device_lock", "request_terms", "outbox", "reversal")),
    *(("device_association", name) for name in ("reverted_device", "requested_device", "finding", "line_intent")),
]


class Products(Rev):
    """Lists the products that were added and not ended."""

    def products(self, service_id: int) -> Any:
        for number, body in enumerate(self.products_kept, start=7001):
            if body["service_id"] == service_id and number not in self.product_ends:
                yield Product(number, body["product_id"], "ACTIVE")


def dora(flow: Flow, name: str = "dora.ops") -> PortalUser:
    with flow.portal.connect() as connection:
        return find_caller(connection, name)


def ask(flow: Flow, change_id: int) -> Created:
    return revert_change(flow.portal, dora(flow), change_id, reason=REASON, now=flow.clock())


def begun(flow: Flow, change_id: int) -> Claim:
    """Ask for a revert and bring it to where its lines are ended."""
    claim = flow.open(ask(flow, change_id).change_id)
    flow.check(claim)
    return claim


def end(flow: Flow, claim: Claim) -> Closed:
    flow.associate(claim)
    return flow.close(claim)


def take_back(flow: Flow, change_id: int) -> Closed:
    claim = begun(flow, change_id)
    flow.lines(claim)
    return end(flow, claim)


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(RequestRefused) as problem:
        work()
    return str(problem.value.refusals[0].code)


def held(flow: Flow, iccids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return what the devices have, of the columns of the domain contract's section 5."""
    devices = {one["id"]: one for one in flow.all("dbo", "device") if one["iccid"] in set(iccids)}
    return {
        devices[one["deviceid"]]["iccid"]: (
            *(one[name] for name in FIELDS),
            *(devices[one["deviceid"]][name] for name in ("carrierrateplanid", "commplan")),
        )
        for one in flow.all("dbo", "device_tenant", tenantid=world.NORTHWIND)
        if one["deviceid"] in devices
    }


def put(flow: Flow, schema: str, name: str, where: dict[str, Any], **values: Any) -> None:
    table = flow.table(schema, name)
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(*(table.c[key] == kept for key, kept in where.items())).values(**values))


def details(flow: Flow, change_id: int) -> set[str]:
    return {one["statusdetails"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)}


def intents(flow: Flow, change_id: int) -> list[str]:
    return [one["state"] for one in flow.all("device_association", "line_intent", bulkchangeid=change_id)]


def active(flow: Flow) -> list[int]:
    return [line.service_id for line in flow.rev.kept if line.disconnected is None]


@pytest.mark.slow
def test_500_devices_get_back_exactly_what_they_had_and_lose_what_was_made_for_them_once(flow: Flow) -> None:
    flow.settings = settings(max_mapped_tasks=20, min_slice_devices=50)
    devices = PLAIN[:500]
    former = {"AddCustomerRatePlan": True, "CustomerRatePlan": "2", "CustomerDataAllocationMB": "99.25"}
    flow.run(request(devices[:250], RevCustomerId=world.BOREALIS, CreateRevService=False, **former))
    flow.clock.pass_seconds(60)
    before = held(flow, devices)
    first = flow.run(request(devices, **EVERYTHING))
    assert first.codes == {"PROCESSED": 500}
    assert not set(held(flow, devices).values()) & set(before.values())
    flow.clock.pass_seconds(60)
    started = time.perf_counter()
    closed = take_back(flow, first.bulk_change_id)
    print(f"500 devices back in {time.perf_counter() - started:.2f} s")
    assert (closed.status, closed.codes) == ("PROCESSED", {"PROCESSED": 500})
    assert held(flow, devices) == before
    assert len(flow.rev.ends) == len(set(flow.rev.ends)) == 500
    assert len(flow.rev.product_ends) == len(set(flow.rev.product_ends)) == 1000
    assert active(flow) == []
    mirror = [one for one in flow.all("dbo", "revservice") if one["revserviceid"] in set(flow.rev.ends)]
    assert {(one["isactive"], one["disconnecteddate"]) for one in mirror} == {(0, flow.clock())}
    assert {one["status"] for one in flow.all("dbo", "revserviceproduct")} == {"DISCONNECTED"}
    history = flow.all("dbo", "deviceactionhistory", bulkchangeid=closed.bulk_change_id)
    made = flow.all("dbo", "deviceactionhistory", bulkchangeid=first.bulk_change_id)
    undone = {(one["m2mdeviceid"], one["changedfield"], one["currentvalue"], one["previousvalue"]) for one in history}
    assert undone == {
        (one["m2mdeviceid"], one["changedfield"], one["previousvalue"], one["currentvalue"]) for one in made
    }
    assert {one["changeeventtype"] for one in history} == {"Revert Bulk Change"}
    assert flow.all("device_association", "device_lock") == []
    opened = [one for one in flow.all("dbo", "crossproviderdevicehistory") if one["effectiveto"] is None]
    assert {one["effectivefrom"] for one in opened} == {flow.clock()}
    assert {one["accountnumber"] for one in opened} == {world.BOREALIS, None}


def test_both_changes_say_who_took_what_back_and_why(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    second = take_back(flow, first).bulk_change_id
    told = {
        change: [
            (one["requesttext"], one["responsetext"])
            for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=change)
            if one["logentrydescription"] == "revert"
        ]
        for change in (first, second)
    }
    assert told[first] == [(REASON, f"bulk change {second} takes this one back")]
    assert told[second] == [(REASON, f"takes bulk change {first} back")]
    assert {said.split(";")[0] for said in details(flow, second)} == {"given back to no customer"}
    assert {said.split("; ")[1] for said in details(flow, second)} == {
        "line 1001 disconnected",
        "line 1002 disconnected",
    }
    steps = [one["logentrydescription"] for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=second)]
    assert (steps.count("give_devices_back"), steps.count("create_rev_service")) == (2, 2)


def test_a_change_without_lines_goes_back_without_a_call(flow: Flow) -> None:
    before = held(flow, PLAIN[:3])
    first = flow.run(request(PLAIN[:3], CreateRevService=False)).bulk_change_id
    assert take_back(flow, first).codes == {"PROCESSED": 3}
    assert (held(flow, PLAIN[:3]), flow.rev.ends) == (before, [])


def test_a_device_that_was_the_parents_leaves_the_tenant_again(flow: Flow) -> None:
    asked = request(INHERITED, RevCustomerId=world.GULF, CreateRevService=False)
    claim = flow.open(flow.create(asked, user="finn.fleet").change_id)
    flow.check(claim)
    assert end(flow, claim).status == "PROCESSED"
    parents = flow.all("dbo", "device_tenant", tenantid=world.NORTHWIND)
    flow.clock.pass_seconds(60)
    take_back(flow, claim.bulk_change_id)
    gone = flow.all("dbo", "device_tenant", tenantid=world.FLEET)
    assert {(one["isdeleted"], one["isactive"], one["accountnumber"]) for one in gone} == {(1, 0, None)}
    assert flow.all("dbo", "device_tenant", tenantid=world.NORTHWIND) == parents


def test_a_link_that_came_with_the_customer_goes_with_it(flow: Flow) -> None:
    lines = flow.all("dbo", "revservice")
    acme = next(one for one in lines if str(one["revcustomerid"]) == str(world.customer_id(world.ACME)))
    put(flow, "dbo", "revservice", {"id": acme["id"]}, number2=PLAIN[0], disconnecteddate=None, isactive=1)
    before = held(flow, PLAIN[:1])
    first = flow.run(request(PLAIN[:1], CreateRevService=False))
    assert held(flow, PLAIN[:1])[PLAIN[0]][3] == acme["id"]
    take_back(flow, first.bulk_change_id)
    assert held(flow, PLAIN[:1]) == before


def test_adopted_lines_and_products_are_never_disconnected(flow: Flow) -> None:
    flow.rev = Products(
        kept=[Line(50_001 + place, int(world.ACME), "1", one, NOW, None) for place, one in enumerate(ADOPTABLE)]
    )
    flow.rev.products_kept.append({"service_id": 50_001, "product_id": world.PRODUCT})
    asked = {"RevProductIdList": [world.PRODUCT], "RateList": ["1.5"]}
    first = flow.run(request(ADOPTABLE, **asked))
    assert first.codes == {"PROCESSED": 3}
    assert len(flow.rev.products_kept) == 3  # the first line had its product
    closed = take_back(flow, first.bulk_change_id)
    assert closed.codes == {"PROCESSED": 3}
    assert flow.rev.ends == []
    assert sorted(flow.rev.product_ends) == [7002, 7003]
    assert sorted(intents(flow, closed.bulk_change_id)) == ["KEPT", "KEPT"]
    assert flow.all("device_association", "finding") == []


def test_what_a_package_brought_goes_with_its_line(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:1], RevPackageId=world.PACKAGE))
    flow.rev.products_kept.append({"service_id": 1001, "product_id": world.PRODUCT})
    take_back(flow, first.bulk_change_id)
    assert (flow.rev.product_ends, flow.rev.ends) == ([7001], [1001])


def test_a_line_whose_product_failed_is_ended_though_nobody_was_associated(flow: Flow) -> None:
    flow.rev.refusing_products = [RevioRejected("400", status=400)]
    first = flow.run(request(PLAIN[:2], RevProductIdList=[world.PRODUCT], RateList=["1"]))
    assert first.codes == {"PROCESSED": 1, "REV_PRODUCT_FAILED": 1}
    assert take_back(flow, first.bulk_change_id).codes == {"PROCESSED": 2}
    assert active(flow) == []


def test_waiting_plans_of_the_first_change_are_closed_and_no_others(flow: Flow) -> None:
    plan = {"AddCustomerRatePlan": True, "CreateRevService": False, "CustomerRatePlan": world.RATE_PLAN}
    later = (NOW + timedelta(days=10)).isoformat()
    flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS, EffectiveDate=later, **plan))
    first = flow.run(request(PLAIN[:2], EffectiveDate=later, **plan))
    closed = take_back(flow, first.bulk_change_id)
    assert closed.codes == {"PROCESSED": 2}
    outcomes = flow.all("device_association", "plan_outcome")
    assert [(one["outcome"], one["bulkchangeid"]) for one in outcomes] == [("REVERTED", first.bulk_change_id)] * 2
    waiting = [one for one in flow.all("dbo", "device_customerrateplanorratepool_queue") if not one["processeddate"]]
    assert len(waiting) == 1
    flow.clock.now = NOW + timedelta(days=11)
    applied = apply_due_plans(flow.portal, Interval(), clock=flow.clock)
    assert applied["APPLIED"] == 1
    said = [one["errortext"] for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=first.bulk_change_id)]
    assert sum(bool(one and one.startswith("REVERTED")) for one in said) == 2


def test_a_plan_that_was_applied_on_its_date_is_the_first_changes_own(flow: Flow) -> None:
    plan = {"AddCustomerRatePlan": True, "CreateRevService": False, "CustomerRatePlan": world.RATE_PLAN}
    before = held(flow, PLAIN[:1])
    first = flow.run(request(PLAIN[:1], EffectiveDate=(NOW + timedelta(days=1)).isoformat(), **plan))
    flow.clock.now = NOW + timedelta(days=2)
    assert apply_due_plans(flow.portal, Interval(), clock=flow.clock)["APPLIED"] == 1
    assert take_back(flow, first.bulk_change_id).codes == {"PROCESSED": 1}
    assert held(flow, PLAIN[:1]) == before


def test_a_device_changed_since_is_refused_and_its_line_left(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:4]))
    flow.clock.pass_seconds(60)
    put(flow, "dbo", "device_tenant", {"deviceid": 1, "tenantid": world.NORTHWIND}, customerrateplanid=2)  # no history
    put(flow, "dbo", "device_tenant", {"deviceid": 4, "tenantid": world.NORTHWIND}, siteid=None)
    flow.run(request(PLAIN[1:2], CreateRevService=False, AddCustomerRatePlan=True, CustomerRatePlan="2"))
    closed = take_back(flow, first.bulk_change_id)
    assert flow.codes(closed.bulk_change_id) == {
        PLAIN[0]: "PROCESSED",  # the first change had not touched that field
        PLAIN[1]: "CHANGED_SINCE",
        PLAIN[2]: "PROCESSED",
        PLAIN[3]: "CHANGED_SINCE",
    }
    assert len(active(flow)) == 2
    assert any("is not as bulk change" in (said or "") for said in details(flow, closed.bulk_change_id))


def test_a_device_changed_while_the_revert_waited_is_refused_by_its_run(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2]))
    claim = flow.open(ask(flow, first.bulk_change_id).change_id)
    put(flow, "dbo", "device_tenant", {"deviceid": 1, "tenantid": world.NORTHWIND}, accountnumber=world.BOREALIS)
    flow.check(claim)
    put(flow, "dbo", "device_tenant", {"deviceid": 2, "tenantid": world.NORTHWIND}, accountnumber=world.BOREALIS)
    flow.lines(claim)
    assert end(flow, claim).codes == {"CHANGED_SINCE": 2}
    assert flow.rev.ends == []


def test_a_device_that_another_change_uses_by_now_keeps_the_line(flow: Flow) -> None:
    flow.rev.refusing_products = [RevioRejected("400", status=400)]
    first = flow.run(request(PLAIN[:1], RevProductIdList=[world.PRODUCT], RateList=["1"]))
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[:1], CreateRevService=False))
    assert refused(lambda: ask(flow, first.bulk_change_id)) == "NOTHING_TO_REVERT"
    assert flow.rev.ends == []


def test_a_device_that_another_change_holds_is_refused(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2]))
    flow.create(request(PLAIN[:1], CreateRevService=False))
    closed = take_back(flow, first.bulk_change_id)
    assert flow.codes(closed.bulk_change_id) == {PLAIN[0]: "DEVICE_IN_OTHER_CHANGE", PLAIN[1]: "PROCESSED"}


@pytest.mark.parametrize("status", ["NEW", "PROCESSING", "PENDING_APPROVAL"])
def test_a_change_that_has_not_ended_is_not_taken_back(flow: Flow, status: str) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    put(flow, "dbo", "devicebulkchange", {"id": change}, status=status)
    before = [flow.all(*table) for table in WRITTEN]
    assert refused(lambda: ask(flow, change)) == "CHANGE_NOT_ENDED"
    assert [flow.all(*table) for table in WRITTEN] == before


def test_a_change_is_taken_back_once_and_a_revert_is_not(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    second = take_back(flow, first).bulk_change_id
    before = [flow.all(*table) for table in WRITTEN]
    assert refused(lambda: ask(flow, first)) == "CHANGE_REVERTED"
    assert refused(lambda: ask(flow, second)) == "CHANGE_IS_REVERT"
    assert [flow.all(*table) for table in WRITTEN] == before


def test_neither_a_half_done_nor_a_waiting_revert_is_doubled(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    claim = begun(flow, first)
    assert refused(lambda: ask(flow, first)) == "CHANGE_REVERTED"
    flow.rev.refusing_ends = {1001: [RevioRejected("400", status=400)]}
    flow.lines(claim)
    assert end(flow, claim).codes == {"PROCESSED": 1, "REV_REJECTED": 1}
    assert refused(lambda: ask(flow, first)) == "CHANGE_REVERTED"


def test_a_change_taken_back_is_not_retried_and_one_retried_not_taken_back(flow: Flow) -> None:
    flow.rev.refusing = {iccid: [RevioRejected("400", status=400)] for iccid in (PLAIN[1], PLAIN[3])}
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    take_back(flow, first)
    again: dict[str, Any] = {"reason": "again", "now": flow.clock()}
    assert refused(lambda: retry_change(flow.portal, dora(flow), first, **again)) == "CHANGE_REVERTED"
    other = flow.run(request(PLAIN[2:4])).bulk_change_id
    retry_change(flow.portal, dora(flow), other, **again)
    assert refused(lambda: ask(flow, other)) == "CHANGE_NOT_ENDED"


def test_a_change_that_reached_nothing_has_nothing_to_take_back(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioRejected("400", status=400)]}
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    assert refused(lambda: ask(flow, first)) == "NOTHING_TO_REVERT"
    assert flow.all("device_association", "reversal") == []


def test_a_change_of_another_program_is_undone_there(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    put(flow, "device_association", "request_terms", {"bulkchangeid": first}, bulkchangeid=0)
    assert refused(lambda: ask(flow, first)) == "CHANGE_NOT_OURS"


def test_a_change_of_another_tenant_is_not_there(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    with pytest.raises(RequestRefused, match="BULK_CHANGE_NOT_FOUND"):
        revert_change(flow.portal, dora(flow, "olga.other"), first, reason=REASON, now=flow.clock())


def test_of_two_who_take_it_back_at_once_one_does(flow: Flow) -> None:
    first, gate = flow.run(request(PLAIN[:20])).bulk_change_id, Barrier(2)

    def together(_: int) -> str:
        gate.wait()
        try:
            ask(flow, first)
        except RequestRefused as problem:
            return str(problem.refusals[0].code)
        return "stored"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(together, range(2))) == ["CHANGE_REVERTED", "stored"]
    assert len(flow.all("device_association", "reversal")) == 1


def test_a_retry_and_a_revert_at_once_never_both_win(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioRejected("400", status=400)]}
    first, gate = flow.run(request(PLAIN[:5])).bulk_change_id, Barrier(2)

    def once(work: Callable[[], object]) -> str:
        gate.wait()
        try:
            work()
        except RequestRefused as problem:
            return str(problem.refusals[0].code)
        return "done"

    def again() -> object:
        return retry_change(flow.portal, dora(flow), first, reason="again", now=flow.clock())

    with ThreadPoolExecutor(2) as both:
        said = sorted(both.map(once, (lambda: ask(flow, first), again)))
    assert said in (["CHANGE_NOT_ENDED", "done"], ["CHANGE_REVERTED", "done"])


def test_a_preview_says_what_the_revert_then_does_and_stores_nothing(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:4])).bulk_change_id
    flow.clock.pass_seconds(60)
    put(flow, "dbo", "device_tenant", {"deviceid": 2, "tenantid": world.NORTHWIND}, accountnumber=world.BOREALIS)
    before = [flow.all(*table) for table in WRITTEN]
    seen = preview_revert(flow.portal, dora(flow), first, now=flow.clock())
    assert [flow.all(*table) for table in WRITTEN] == before
    assert (seen.lines, seen.codes) == (3, {"ACCEPTED": 3, "CHANGED_SINCE": 1})
    created = ask(flow, first)
    assert (created.accepted, created.rejected) == (3, 1)
    codes = {one.iccid: one.code.replace("ACCEPTED", "NEW") for one in seen.devices}
    assert codes == flow.codes(created.change_id)
    assert refused(lambda: preview_revert(flow.portal, dora(flow), first, now=flow.clock())) == "CHANGE_REVERTED"


def test_the_same_message_again_finds_the_revert_ended(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2]))
    closed = take_back(flow, first.bulk_change_id)
    with pytest.raises(ClaimLost):
        flow.open(closed.bulk_change_id, "run of the same message")
    assert len(flow.rev.ends) == 2


STEPS: tuple[Callable[[Flow, Claim], object], ...] = (
    lambda flow, claim: flow.check(claim),
    lambda flow, claim: flow.lines(claim),
    lambda flow, claim: flow.associate(claim),
    lambda flow, claim: flow.close(claim),
)


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_each_step_may_run_twice_and_by_another_run(flow: Flow, step: int) -> None:
    before = held(flow, PLAIN[:5])
    first = flow.run(request(PLAIN[:5], **EVERYTHING)).bulk_change_id
    flow.clock.pass_seconds(60)
    claim = flow.open(ask(flow, first).change_id)
    for number, work in enumerate(STEPS):
        work(flow, claim)
        if number == step:
            work(flow, claim)
            if number < 3:
                claim = flow.open(claim.bulk_change_id, "heir", lives=lambda _: False)
                for done in STEPS[: number + 1]:
                    done(flow, claim)
    assert flow.codes(claim.bulk_change_id) == dict.fromkeys(PLAIN[:5], "PROCESSED")
    assert held(flow, PLAIN[:5]) == before
    assert (len(flow.rev.ends), len(flow.rev.product_ends)) == (5, 10)
    history = flow.all("dbo", "deviceactionhistory", bulkchangeid=claim.bulk_change_id)
    assert len(history) == len({(one["m2mdeviceid"], one["changedfield"]) for one in history})


class Unseen(RevioOutcomeUnknown):
    """An answer that never came, of a call that Rev.io acted on."""

    committed = True


@pytest.mark.parametrize("kind", [RevioOutcomeUnknown, Unseen])
def test_an_end_of_unknown_outcome_is_looked_up_and_never_repeated_blindly(
    flow: Flow, kind: type[RevioOutcomeUnknown]
) -> None:
    first = flow.run(request(PLAIN[:3])).bulk_change_id
    flow.rev.refusing_ends = {1001: [kind(TOLD)]}
    claim = begun(flow, first)
    flow.lines(claim, last_try=True)
    calls = len(flow.rev.ends)
    if kind is RevioOutcomeUnknown:
        flow.lines(claim, last_try=True)  # it is active still, and may yet end
        assert len(flow.rev.ends) == calls
        flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    flow.lines(claim)
    assert end(flow, claim).codes == {"PROCESSED": 3}
    assert sorted(flow.rev.ends) == [1001, 1002, 1003]


def test_a_worker_killed_in_mid_call_costs_no_second_disconnect(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:3])).bulk_change_id
    claim = begun(flow, first)
    calls = flow.rev.end_line

    def dies(service_id: int, on: Any) -> None:
        calls(service_id, on)
        raise KeyboardInterrupt

    flow.rev.end_line = dies
    with pytest.raises(KeyboardInterrupt):
        flow.lines(claim)
    flow.rev.end_line = calls
    heir = flow.open(claim.bulk_change_id, "heir", lives=lambda _: False)
    flow.check(heir)
    flow.clock.pass_seconds(flow.settings.rev_lease_seconds + 1)
    flow.lines(heir)
    assert end(flow, heir).codes == {"PROCESSED": 3}
    assert sorted(flow.rev.ends) == [1001, 1002, 1003]


def test_a_product_whose_end_was_lost_is_looked_up(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:2], RevProductIdList=[world.PRODUCT], RateList=["1"])).bulk_change_id
    flow.rev.refusing_product_ends = [Unseen(TOLD), RevioOutcomeUnknown(TOLD)]
    claim = begun(flow, first)
    flow.lines(claim, last_try=True)
    assert flow.rev.ends == []
    flow.clock.pass_seconds(600)
    flow.lines(claim)
    assert end(flow, claim).codes == {"PROCESSED": 2}
    assert (sorted(flow.rev.product_ends), sorted(flow.rev.ends)) == ([7001, 7002], [1001, 1002])


def test_an_end_that_stays_unknown_is_settled_later_and_its_row_tried_again_once(flow: Flow) -> None:
    before = held(flow, PLAIN[:2])
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    flow.rev.refusing_ends = {1001: [Unseen(TOLD)]}
    claim = begun(flow, first)
    flow.lines(claim, last_try=True)
    closed = end(flow, claim)
    assert closed.codes == {"PROCESSED": 1, "REV_OUTCOME_UNKNOWN": 1}
    assert any("to end line 1001" in (said or "") for said in details(flow, claim.bulk_change_id))
    counts = settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)
    assert counts == {"found": 1, "tried_again": 1}
    again = flow.open(claim.bulk_change_id, "second run")
    assert again.actor == "reconciliation"
    flow.check(again)
    flow.lines(again)
    assert end(flow, again).status == "PROCESSED"
    assert (held(flow, PLAIN[:2]), sorted(flow.rev.ends)) == (before, [1001, 1002])


def test_an_end_that_never_came_is_told_as_safe_to_retry(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    flow.rev.refusing_ends = {1001: [RevioOutcomeUnknown(TOLD)]}
    claim = begun(flow, first)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    end(flow, claim)
    flow.clock.pass_seconds(3600)
    assert settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)["absent"] == 1
    assert [one["kind"] for one in flow.all("device_association", "finding")] == ["OUTCOME_SETTLED_ABSENT"]
    retry_change(flow.portal, dora(flow), claim.bulk_change_id, reason="again", now=flow.clock())
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert (end(flow, again).status, flow.rev.ends) == ("PROCESSED", [1001])


def test_a_line_found_after_its_change_was_taken_back_is_told_and_left(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [Unseen(TOLD)]}
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    end(flow, claim)
    assert take_back(flow, claim.bulk_change_id).codes == {"PROCESSED": 1}
    assert settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock) == {"found": 1, "tried_again": 0}
    (found,) = flow.all("device_association", "finding")
    assert (found["kind"], found["iccid"], found["closeddate"]) == ("LINE_OF_REVERTED_CHANGE", PLAIN[0], None)
    assert len(flow.rev.ends) == 1
    put(flow, "dbo", "revservice", {"revserviceid": found["revserviceid"]}, disconnecteddate=flow.clock())
    settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)
    assert [one["closeddate"] for one in flow.all("device_association", "finding")] == [flow.clock()]


@pytest.mark.parametrize(
    ("now_it_is", "said"),
    [
        ({"customer_id": int(world.BOREALIS)}, "it is customer 4712's now"),
        ({"number2": PLAIN[900], "number": PLAIN[900]}, f"it has SIM {PLAIN[900]} now"),
        (None, "Rev.io does not show it"),
    ],
)
def test_a_line_under_an_unknown_owner_is_reported_and_left(flow: Flow, now_it_is: Any, said: str) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    strange = next(line for line in flow.rev.kept if line.number2 == PLAIN[0])
    flow.rev.kept.remove(strange)
    if now_it_is:
        flow.rev.kept.append(replace(strange, **now_it_is))
    closed = take_back(flow, first)
    assert closed.codes == {"PROCESSED": 2}
    assert strange.service_id not in flow.rev.ends
    (found,) = flow.all("device_association", "finding")
    assert (found["kind"], found["revserviceid"]) == ("LINE_OF_REVERTED_CHANGE", strange.service_id)
    assert any(said in (one or "") for one in details(flow, closed.bulk_change_id))


def test_a_line_that_somebody_ended_by_hand_needs_no_call(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    flow.rev.end_line(1001, NOW.date())
    assert take_back(flow, first).codes == {"PROCESSED": 2}
    assert sorted(flow.rev.ends) == [1001, 1002]


def test_refused_ends_stop_the_change_by_the_rule_of_creation(flow: Flow) -> None:
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=100, abort_percent=50, abort_min_sample=10)
    first = flow.run(request(PLAIN[:60])).bulk_change_id
    flow.rev.refusing_ends = {number: [RevioRejected("400", status=400)] for number in range(1001, 1061)}
    claim = begun(flow, first)
    flow.lines(claim)
    closed = end(flow, claim)
    assert closed.codes["REV_REJECTED"] < 60
    assert closed.codes["STOPPED"] > 0


def test_refused_credentials_stop_the_revert_and_a_retry_ends_it(flow: Flow) -> None:
    before = held(flow, PLAIN[:3])
    first = flow.run(request(PLAIN[:3])).bulk_change_id
    flow.rev.refusing_ends = {1001: [RevioUnauthorized("401", status=401)]}
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=50).model_copy(update={"rev_concurrency": 1})
    claim = begun(flow, first)
    flow.lines(claim)
    codes = end(flow, claim).codes
    assert codes["REV_UNAUTHORIZED"] >= 1
    retry_change(flow.portal, dora(flow), claim.bulk_change_id, reason="corrected", now=flow.clock())
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert end(flow, again).status == "PROCESSED"
    assert (held(flow, PLAIN[:3]), sorted(flow.rev.ends)) == (before, [1001, 1002, 1003])


def test_what_was_begun_before_a_stop_is_brought_to_its_end(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:3])).bulk_change_id
    claim = begun(flow, first)
    number = slices(flow, claim)[0]
    create.create_rev_services(flow.context(claim), number, last_try=False)
    flow.stop(claim, "CANCELED_BY_USER", "enough")
    closed = end(flow, claim)
    assert closed.status == "CANCELED"
    assert closed.codes == {"PROCESSED": 1, "CANCELED_BY_USER": 2}
    assert len(flow.rev.ends) == 1


def slices(flow: Flow, claim: Claim) -> list[int]:
    return plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)


def test_while_the_account_is_turned_away_nothing_is_lost(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    flow.settings = flow.settings.model_copy(update={"rev_retry_window_seconds": 30.0})
    flow.rev.refusing_ends = {1001: [RevioRetryable("429", status=429, retry_after=0.01)] * 2}
    assert take_back(flow, first).codes == {"PROCESSED": 2}
    assert sorted(flow.rev.ends) == [1001, 1002]


def test_a_revert_that_died_before_its_procedures_gets_them_from_the_sweep(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    flow.clock.pass_seconds(60)
    claim = begun(flow, first)
    flow.lines(claim)
    associate_devices(flow.portal, claim, clock=flow.clock)
    flow.close(claim, ["update_cross_provider_device_history"])
    assert run_missing_procedures(flow.portal, now=flow.clock()) == 1
    opened = [one for one in flow.all("dbo", "crossproviderdevicehistory") if one["effectiveto"] is None]
    assert {(one["effectivefrom"], one["accountnumber"]) for one in opened} == {(flow.clock(), None)}


def test_after_a_revert_the_devices_can_be_associated_anew(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    take_back(flow, first)
    assert flow.run(request(PLAIN[:2], RevCustomerId=world.BOREALIS)).codes == {"PROCESSED": 2}
    assert len(active(flow)) == 2


def test_a_customer_that_was_closed_and_lost_its_site_gives_the_devices_back(flow: Flow) -> None:
    before = held(flow, PLAIN[:2])
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    acme = world.customer_id(world.ACME)
    put(flow, "dbo", "revcustomer", {"revcustomerid": world.ACME}, status="CLOSED")
    put(flow, "dbo", "site", {"revcustomerid": acme}, isactive=0, isdeleted=1)
    claim = flow.open(ask(flow, first).change_id)
    frame, open_rows = load_frame(flow.portal, claim.bulk_change_id, flow.clock())
    assert (open_rows, list(frame["site_id"])) == (2, [0, 0])
    flow.check(claim)
    flow.lines(claim)
    assert end(flow, claim).codes == {"PROCESSED": 2}
    assert held(flow, PLAIN[:2]) == before


def test_refused_credentials_stop_lines_whose_products_are_ended(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:6], RevProductIdList=[world.PRODUCT], RateList=["1"])).bulk_change_id
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=50).model_copy(update={"rev_concurrency": 1})
    flow.rev.refusing_ends = {1001: [RevioUnauthorized("401", status=401)]}
    claim = begun(flow, first)
    seen: dict[str, int] = {"calls": 0}
    record_problem = calls.LineCalls._record_problem  # noqa: SLF001 -- it is counted

    def counted(one: Any, device: Any, problem: Exception, recorded: calls.Recorded) -> None:
        seen["calls"] += 1
        assert seen["calls"] < 50, "it goes round and round"
        record_problem(one, device, problem, recorded)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls.LineCalls, "_record_problem", counted)
        flow.lines(claim)
    assert flow.rev.ends == []
    assert end(flow, claim).codes == {"REV_UNAUTHORIZED": 6}


def test_a_product_whose_end_is_not_known_when_the_revert_ends_is_looked_up_by_its_retry(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:2], RevProductIdList=[world.PRODUCT], RateList=["1"])).bulk_change_id
    flow.rev.refusing_product_ends = [Unseen(TOLD)]
    claim = begun(flow, first)
    flow.lines(claim, last_try=True)
    end(flow, claim)
    flow.clock.pass_seconds(3600)
    retry_change(flow.portal, dora(flow), claim.bulk_change_id, reason="again", now=flow.clock())
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert end(flow, again).status == "PROCESSED"
    assert (sorted(flow.rev.product_ends), sorted(flow.rev.ends)) == ([7001, 7002], [1001, 1002])


def test_a_product_that_somebody_ended_by_hand_is_no_failure(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:2], RevProductIdList=[world.PRODUCT], RateList=["1"])).bulk_change_id
    flow.rev.product_ends.append(7001)
    flow.rev.refusing_product_ends = [RevioRejected("400 already disconnected", status=400)]
    closed = take_back(flow, first)
    assert closed.codes == {"PROCESSED": 2}


def test_a_package_that_brought_the_same_product_twice_is_ended_whole(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:1], RevPackageId=world.PACKAGE))
    flow.rev.products_kept += [{"service_id": 1001, "product_id": world.PRODUCT}] * 2
    assert take_back(flow, first.bulk_change_id).codes == {"PROCESSED": 1}
    assert (sorted(flow.rev.product_ends), flow.rev.ends) == ([7001, 7002], [1001])


def test_a_device_changed_while_the_end_of_its_line_was_not_known_is_not_overwritten(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:1])).bulk_change_id
    flow.rev.refusing_ends = {1001: [Unseen(TOLD)]}
    claim = begun(flow, first)
    flow.lines(claim, last_try=True)
    end(flow, claim)
    flow.clock.pass_seconds(60)
    put(flow, "dbo", "device_tenant", {"deviceid": 1, "tenantid": world.NORTHWIND}, accountnumber=world.BOREALIS)
    retry_change(flow.portal, dora(flow), claim.bulk_change_id, reason="again", now=flow.clock())
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert end(flow, again).codes == {"CHANGED_SINCE": 1}
    assert held(flow, PLAIN[:1])[PLAIN[0]][1] == world.BOREALIS
    assert flow.rev.ends == [1001]


def test_a_line_made_for_a_parents_device_that_was_never_associated_is_ended(flow: Flow) -> None:
    flow.rev = Products(refusing_products=[RevioRejected("400", status=400)])
    asked = request(
        INHERITED[:1],
        RevCustomerId=world.GULF,
        RevProductIdList=[world.PRODUCT],
        RateList=["1"],
    )
    claim = flow.open(flow.create(asked, user="finn.fleet").change_id)
    flow.check(claim)
    flow.lines(claim)
    assert end(flow, claim).codes == {"REV_PRODUCT_FAILED": 1}
    assert take_back(flow, claim.bulk_change_id).codes == {"PROCESSED": 1}
    assert active(flow) == []


def test_a_change_between_an_association_and_its_plans_date_counts_as_changed_since(flow: Flow) -> None:
    plan = {"AddCustomerRatePlan": True, "CreateRevService": False, "CustomerRatePlan": world.RATE_PLAN}
    first = flow.run(request(PLAIN[:1], EffectiveDate=(NOW + timedelta(days=1)).isoformat(), **plan))
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[:1], CreateRevService=False, RevCustomerId=world.BOREALIS))
    flow.clock.pass_seconds(60)
    flow.run(request(PLAIN[:1], CreateRevService=False))
    flow.clock.now = NOW + timedelta(days=2)
    assert apply_due_plans(flow.portal, Interval(), clock=flow.clock)["APPLIED"] == 1
    assert refused(lambda: ask(flow, first.bulk_change_id)) == "NOTHING_TO_REVERT"


def test_of_two_changes_the_later_is_taken_back_and_then_the_earlier(flow: Flow) -> None:
    before = held(flow, PLAIN[:2])
    first = flow.run(request(PLAIN[:2], CreateRevService=False)).bulk_change_id
    flow.clock.pass_seconds(60)
    second = flow.run(request(PLAIN[:1], RevCustomerId=world.BOREALIS, CreateRevService=False)).bulk_change_id
    flow.clock.pass_seconds(60)
    assert take_back(flow, second).codes == {"PROCESSED": 1}
    flow.clock.pass_seconds(60)
    assert take_back(flow, first).codes == {"PROCESSED": 2}
    assert held(flow, PLAIN[:2]) == before


def test_a_line_that_a_later_change_adopted_is_left(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2])).bulk_change_id
    flow.clock.pass_seconds(60)
    put(flow, "dbo", "revservice", {"revserviceid": 1001}, isdeleted=1)
    second = flow.run(request(PLAIN[:1]))
    assert second.codes == {"PROCESSED": 1}
    assert intents(flow, second.bulk_change_id) == ["ADOPTED"]
    assert take_back(flow, first).codes == {"CHANGED_SINCE": 1, "PROCESSED": 1}
    assert flow.rev.ends == [1002]


def test_the_products_of_a_line_that_somebody_disconnected_are_ended(flow: Flow) -> None:
    flow.rev = Products()
    first = flow.run(request(PLAIN[:1], **ONE_PRODUCT)).bulk_change_id
    flow.rev.end_line(1001, NOW.date())
    take_back(flow, first)
    assert flow.rev.product_ends == [7001]


@pytest.mark.parametrize("late", [True, False])
def test_a_row_whose_products_were_ended_and_whose_line_was_not_says_so(flow: Flow, late: bool) -> None:
    flow.rev = Products()
    claim = begun(flow, flow.run(request(PLAIN[:1], **ONE_PRODUCT)).bulk_change_id)
    flow.rev.refusing_ends = {1001: [RevioRetryable("429", status=429, retry_after=600)] * 20}
    with pytest.raises((StepUnfinished, RevioRetryable)):
        flow.lines(claim)
    assert flow.rev.product_ends == [7001]
    if late:
        flow.clock.pass_seconds(5 * 3600)
    end(flow, claim)
    (said,) = details(flow, claim.bulk_change_id)
    assert said.startswith("DEADLINE_EXCEEDED" if late else "STEP_FAILED")
    assert "Line 1001 is there still; of its products some or all were disconnected" in said


@pytest.mark.parametrize("fails", ["is refused", "takes an hour"])
def test_a_line_is_not_disconnected_after_a_last_look_that_failed(flow: Flow, fails: str) -> None:
    claim = begun(flow, flow.run(request(PLAIN[:1])).bulk_change_id)
    usual, looks = flow.rev.line, iter(range(99))

    def line(service_id: int) -> Any:
        look = next(looks)
        if look and fails == "is refused":
            raise RevioRejected("GET /v1/Services/1001 was answered 400", status=400)
        flow.clock.pass_seconds(3600 if look == 1 else 0)
        return usual(service_id)

    flow.rev.line = line
    with pytest.raises((StepUnfinished, RevioRetryable, RevioRejected)):
        flow.lines(claim)
    assert flow.rev.ends == []
    assert not any("refused to disconnect" in (one or "") for one in details(flow, claim.bulk_change_id))

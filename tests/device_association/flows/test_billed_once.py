"""One billed line a SIM, whoever else asks, dies, stops or lies; and the words of every row that does not get one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from device_association.bulk_changes import claims
from device_association.bulk_changes.access import find_caller
from device_association.data_checks import gate
from device_association.database.batches import in_batches, lock_devices, row_batches
from device_association.database.execution import changed, run
from device_association.domain.errors import (
    ChangeNotRunnable,
    ClaimLost,
    RecordUnreadable,
    RequestRefused,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import MAX_FAILURES, Limits
from device_association.requests import validate
from device_association.requests.actions import retry_change
from device_association.requests.create import check_may_run
from device_association.revio.client import Product
from device_association.revio.lines import Line
from device_association.revio.listings import Listing
from device_association.service_lines import create
from device_association.service_lines.journal.calls import begin_calls
from local.sample_data import groups, world
from tests.flow import NOW, Flow, Rev, request, settings

PLAIN, ADOPTABLE = groups().plain, groups().adoptable
ONE_PRODUCT = {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}


class Seen(Rev):
    """Remembers what it was sent, knows some products, and can refuse to list or to look up."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.there: list[Product] = []
        self.refuse_list: Exception | None = None
        self.refuse_look_up: Exception | None = None
        self.refuse_products: Exception | None = None

    def create_line(self, body: dict[str, Any]) -> int:
        self.sent.append(body)
        return super().create_line(body)

    def lines(self, **filters: Any) -> Listing:
        refusal = self.refuse_look_up if "number2" in filters else self.refuse_list
        if refusal is not None:
            raise refusal
        return super().lines(**filters)

    def products(self, service_id: int) -> Iterator[Product]:
        if self.refuse_products is not None:
            raise self.refuse_products
        yield from self.there


@pytest.fixture
def rev(flow: Flow) -> Seen:
    flow.rev = Seen()
    return flow.rev


def put(flow: Flow, schema: str, name: str, where: dict[str, Any], **values: Any) -> None:
    table = flow.table(schema, name)
    with flow.portal.begin() as connection:
        connection.execute(
            update(table).where(*(table.c[key] == value for key, value in where.items())).values(**values)
        )


def begun(flow: Flow, devices: Any, **more: Any) -> claims.Claim:
    """Return the claim of a change whose devices passed the checks."""
    claim = flow.open(flow.create(request(devices, **more)).change_id)
    flow.check(claim)
    return claim


def end(flow: Flow, claim: claims.Claim, failed: tuple[str, ...] = ()) -> dict[str, int]:
    flow.associate(claim)
    return flow.close(claim, failed).codes


def details(flow: Flow, change_id: int) -> str:
    found: str = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id)[0]["statusdetails"]
    return found


@pytest.mark.parametrize("account", [world.ACCOUNT, world.SECOND_ACCOUNT])
@pytest.mark.parametrize("both_planned", [True, False])
def test_a_tenant_and_its_sub_tenant_never_both_bill_a_sim(flow: Flow, account: int, both_planned: bool) -> None:
    iccid = groups().inherited[0]
    put(flow, "dbo", "revcustomer", {"revcustomerid": world.GULF}, integrationauthenticationid=account)
    put(flow, "dbo", "integration_authentication", {"id": account}, tenantid=world.NORTHWIND)
    parent = flow.open(flow.create(request([iccid])).change_id, "parent")
    asked = request([iccid], RevCustomerId=world.GULF)
    child = flow.open(flow.create(asked, user="finn.fleet").change_id, "child")
    flow.check(parent)
    flow.check(child)
    if both_planned:
        flow.plan(parent)
    flow.lines(child)
    flow.lines(parent)
    codes = [end(flow, parent), end(flow, child)]
    assert len(flow.rev.lines_of(iccid)) == 1
    assert sorted(map(str, codes)) == [
        str({"DEVICE_ASSIGNED_TO_OTHER_CUSTOMER": 1}),
        str({"PROCESSED": 1}),
    ]


def test_two_that_plan_at_once_in_two_accounts_are_told_apart_by_the_older_intent(flow: Flow) -> None:
    claim = begun(flow, PLAIN[:1])
    flow.plan(claim)
    own = flow.all("device_association", "line_intent")[0]
    rival = {key: value for key, value in own.items() if key != "id"}
    rival |= {"integrationauthenticationid": world.SECOND_ACCOUNT, "m2mdevicechangeid": 10**9, "state": "CALLING"}
    rival |= {"leaseowner": "rival", "leaseuntil": NOW + timedelta(hours=1)}
    with flow.portal.begin() as connection:
        connection.execute(insert(flow.table("device_association", "line_intent")).values(**rival))
    flow.lines(claim)
    assert flow.rev.posts == 0
    assert end(flow, claim) == {"DEVICE_ASSIGNED_TO_OTHER_CUSTOMER": 1}
    assert "in another account" in details(flow, claim.bulk_change_id)


def test_a_row_that_could_not_take_its_hold_never_goes_on(flow: Flow) -> None:
    holder = flow.open(flow.create(request(PLAIN[:1], RevCustomerId=world.BOREALIS)).change_id, "holder")
    made = flow.create(request(PLAIN[1:2])).change_id
    holds = flow.table("device_association", "device_lock")
    with flow.portal.begin() as connection:
        connection.execute(delete(holds).where(holds.c.bulkchangeid == made))
    put(flow, "dbo", "m2m_devicechange", {"bulkchangeid": made}, iccid=PLAIN[0], deviceid=1)
    claim = flow.open(made, "late")
    about = {"bulk_change_id": made, "actor": "x", "now": flow.clock()}
    with flow.portal.begin() as connection:
        lock_devices(connection, made, now=flow.clock())
    flow.close(holder, failed=["check_data"])
    with flow.portal.begin() as connection:
        batches = row_batches(connection, made)
        assert in_batches(connection, "requests/reject_held", batches, **about) == 1
    assert flow.codes(claim.bulk_change_id) == {PLAIN[0]: "DEVICE_IN_OTHER_CHANGE"}
    assert "send it again" in details(flow, made)


def test_a_row_without_its_hold_does_not_pass_the_gate(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    holds = flow.table("device_association", "device_lock")
    with flow.portal.begin() as connection:
        connection.execute(delete(holds).where(holds.c.deviceid == 1))
        passed = changed(
            connection,
            "data_checks/begin_checked_rows",
            bulk_change_id=claim.bulk_change_id,
            first_row_id=0,
            last_row_id=2**62,
            actor="x",
            now=flow.clock(),
        )
    assert passed == 1


def test_a_row_that_was_deleted_or_came_after_the_checks_is_not_billed(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    put(flow, "dbo", "m2m_devicechange", {"bulkchangeid": claim.bulk_change_id, "iccid": PLAIN[0]}, isdeleted=1)
    validate.validate_devices(flow.portal, claim, now=flow.clock())
    assert gate.check_data(flow.portal, claim, docs_folder=flow.docs, now=flow.clock()) == 2
    flow.lines(claim)
    assert flow.rev.lines_of(PLAIN[0]) == []
    assert end(flow, claim) == {"PROCESSED": 2}


def test_an_adopted_line_gets_no_product_that_it_has(flow: Flow, rev: Seen) -> None:
    rev.kept = [Line(50_001, int(world.ACME), "1", ADOPTABLE[0], NOW, None)]
    rev.there = [Product(900, world.PRODUCT, "ACTIVE")]
    assert flow.run(request(ADOPTABLE[:1], **ONE_PRODUCT)).codes == {"PROCESSED": 1}
    assert rev.products_kept == []
    assert [one["serviceproductid"] for one in flow.all("dbo", "revserviceproduct")] == [900]


def test_a_stopped_change_adopts_nothing_and_adds_no_product(flow: Flow, rev: Seen) -> None:
    rev.kept = [Line(50_001, int(world.ACME), "1", ADOPTABLE[0], NOW, None)]
    claim = begun(flow, ADOPTABLE[:1], **ONE_PRODUCT)
    flow.plan(claim)
    flow.stop(claim, "CANCELED_BY_USER", "wrong customer")
    assert flow.lines(claim) == [{"stopped": 1}]
    assert end(flow, claim) == {"CANCELED_BY_USER": 1}
    assert rev.products_kept == []


def test_a_run_that_lost_its_change_adopts_nothing_and_adds_no_product(flow: Flow, rev: Seen) -> None:
    rev.kept = [Line(50_001, int(world.ACME), "1", ADOPTABLE[0], NOW, None)]
    claim = begun(flow, ADOPTABLE[:1], **ONE_PRODUCT)
    number = flow.plan(claim)[0]
    flow.open(claim.bulk_change_id, "living", lives=lambda _: False)
    with pytest.raises(ClaimLost):
        create.create_rev_services(flow.context(claim), number, last_try=False)
    assert rev.products_kept == []
    assert [one["state"] for one in flow.all("device_association", "line_intent")] == ["PLANNED"]


def test_a_line_that_comes_after_another_was_settled_is_told_and_gets_no_product(flow: Flow) -> None:
    claim = begun(flow, PLAIN[:1], **ONE_PRODUCT)
    number = flow.plan(claim)[0]
    slow = flow.rev.create_line

    def outlives_its_lease(body: dict[str, Any]) -> int:
        intents = {"state": "CREATED", "revserviceid": 4242, "leaseuntil": None, "leaseowner": None}
        put(flow, "device_association", "line_intent", {"iccid": PLAIN[0]}, **intents)
        return slow(body)

    flow.rev.create_line = outlives_its_lease
    create.create_rev_services(flow.context(claim), number, last_try=False)
    assert {body["service_id"] for body in flow.rev.products_kept} == {4242}
    assert any("outlived its lease" in (one["errortext"] or "") for one in flow.all("dbo", "devicebulkchangelog"))


def test_a_line_made_by_hand_meanwhile_is_found_before_a_call_is_repeated(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
    claim = begun(flow, PLAIN[:1])
    flow.lines(claim, last_try=True)
    end(flow, claim)
    flow.rev.kept.append(Line(88_001, int(world.ACME), PLAIN[0], None, NOW, None))
    flow.clock.pass_seconds(3600)
    assert flow.run(request(PLAIN[:1])).codes == {"PROCESSED": 1}
    assert [line.service_id for line in flow.rev.kept] == [88_001]


def test_a_busy_sim_and_a_strange_answer_cost_no_other_device_its_line(flow: Flow, rev: Seen) -> None:
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=50).model_copy(update={"rev_concurrency": 1})
    rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
    claim = begun(flow, PLAIN[:10])
    number = flow.plan(claim)[0]
    busy = next(one for one in flow.all("device_association", "line_intent") if one["iccid"] == PLAIN[1])
    assert begin_calls(flow.context(claim), "revio_northwind", {busy["id"]: None}) == {busy["id"]}
    rev.refuse_list = rev.refuse_look_up = RevioRejected("404", status=404)
    for _ in range(2):
        with pytest.raises(StepUnfinished, match="not settled"):
            create.create_rev_services(flow.context(claim), number, last_try=False)
    assert {iccid for iccid in PLAIN[:10] if rev.lines_of(iccid)} == set(PLAIN[2:10])


def test_credentials_refused_at_the_listing_stop_the_change_in_their_own_words(flow: Flow, rev: Seen) -> None:
    rev.refuse_list = RevioUnauthorized("connection revio_northwind: 401", status=401)
    claim = begun(flow, PLAIN[:2])
    assert flow.plan(claim) == []
    assert end(flow, claim) == {"REV_UNAUTHORIZED": 2}
    assert "revio_northwind" in details(flow, claim.bulk_change_id)


def test_a_line_whose_product_stays_unknown_is_named(flow: Flow) -> None:
    flow.rev.refusing_products = [RevioOutcomeUnknown("time-out")] * 5
    claim = begun(flow, PLAIN[:1], **ONE_PRODUCT)
    flow.lines(claim, last_try=True)
    assert end(flow, claim) == {"REV_PRODUCT_FAILED": 1}
    assert "line 1001 is there" in details(flow, claim.bulk_change_id)


def test_a_row_whose_call_is_out_is_not_refused_by_a_second_validation(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
    claim = begun(flow, PLAIN[:2])
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    put(flow, "dbo", "revcustomer", {"revcustomerid": world.ACME}, status="CLOSED")
    heir = flow.open(claim.bulk_change_id, "heir", lives=lambda _: False)
    flow.check(heir)
    flow.associate(heir)
    flow.close(heir)
    assert flow.codes(claim.bulk_change_id) == {PLAIN[0]: "REV_OUTCOME_UNKNOWN", PLAIN[1]: "CUSTOMER_CLOSED"}


def test_dates_at_rev_io_are_those_of_the_tenant_s_calendar(flow: Flow, rev: Seen) -> None:
    put(flow, "dbo", "tenant", {"id": world.NORTHWIND}, timezone="Europe/Berlin")
    flow.run(request(PLAIN[:1], Prorate=True, EffectiveDate="2026-12-01T00:00:00", ActivatedDate="2026-12-01"))
    assert [str(rev.sent[0][name]) for name in ("effective_date", "activated_date")] == ["2026-12-01", "2026-12-01"]


def test_a_device_activated_by_its_status_history_has_that_date_at_rev_io(flow: Flow, rev: Seen) -> None:
    iccid = world.iccid(7)
    assert flow.all("dbo", "device", iccid=iccid)[0]["dateactivated"] is None
    activated = flow.all("dbo", "devicestatushistory", iccid=iccid)[0]["dateofchange"]
    flow.run(request([iccid], Prorate=True))
    assert {str(rev.sent[0][name]) for name in ("effective_date", "activated_date")} == {str(activated.date())}


def test_rights_that_were_taken_away_do_not_count(flow: Flow) -> None:
    put(flow, "dbo", "portaluserrevcustomer", {"userid": 4}, isdeleted=1, isactive=0)
    with pytest.raises(RequestRefused, match="CUSTOMER_NOT_ACCESSIBLE"):
        flow.create(request(PLAIN[:1]), user="carl.clerk")
    put(flow, "dbo", "portaluserpermission", {"userid": 2}, isdeleted=1, isactive=0)
    with pytest.raises(RequestRefused, match="PERMISSION_DENIED"):
        flow.create(request(PLAIN[:1]))


def test_a_person_starts_no_change_of_a_customer_that_is_not_theirs(flow: Flow) -> None:
    foreign = flow.create(request(PLAIN[:1], RevCustomerId=world.BOREALIS)).change_id
    with pytest.raises(ChangeNotRunnable, match="customers that carl"):
        check_may_run(flow.portal, foreign, "carl.clerk")
    check_may_run(flow.portal, flow.create(request(PLAIN[1:2])).change_id, "carl.clerk")


def test_an_empty_date_of_the_portal_is_none_and_an_impossible_one_refuses_its_row(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:3])).change_id
    with flow.portal.begin() as connection:
        connection.execute(delete(flow.table("device_association", "requested_device")))
    for iccid, date in zip(PLAIN[:2], ("0001-01-01T00:00:00", "1752-12-31T00:00:00"), strict=True):
        row = flow.all("dbo", "m2m_devicechange", bulkchangeid=change, iccid=iccid)[0]
        stored = flow.all("dbo", "devicechangerequest", id=row["devicechangerequestid"])[0]
        payload = json.dumps(json.loads(stored["changerequest"]) | {"ActivatedDate": date})
        put(flow, "dbo", "devicechangerequest", {"id": stored["id"]}, changerequest=payload)
    claim = flow.open(change)
    flow.check(claim)
    assert flow.codes(change) == {PLAIN[0]: "PROCESSING", PLAIN[1]: "INVALID_REQUEST", PLAIN[2]: "PROCESSING"}


@pytest.mark.parametrize("sent", [{"Devices": ["89\0"]}, {"Description": "a\0b"}, {"Reason": "\ud800"}])
def test_a_text_that_no_database_keeps_is_refused_by_its_field(flow: Flow, sent: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match=rf"INVALID_REQUEST.*field {next(iter(sent))}"):
        flow.create(request(PLAIN[:1], **sent) if "Devices" not in sent else request(sent["Devices"]))


def test_a_change_of_many_activation_dates_has_its_history_in_one_transaction(flow: Flow) -> None:
    with flow.portal.begin() as connection:
        for day in range(200):
            run(
                connection,
                "associations/call_update_cross_provider_device_history",
                m2m_device_ids=str(day + 1),
                tenant_id=1,
                service_provider_id=1,
                effective_date=NOW + timedelta(days=day),
            )
    assert len(flow.all("dbo", "crossproviderdevicehistory")) == 200


def test_a_line_that_a_second_worker_of_the_slice_made_meanwhile_is_no_conflict(flow: Flow) -> None:
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=50).model_copy(update={"rev_concurrency": 1})
    claim = begun(flow, PLAIN[:6])
    number, post, others = flow.plan(claim)[0], flow.rev.create_line, [flow.context(claim)]

    def while_another_is_at_it(body: dict[str, Any]) -> int:
        if others:
            with pytest.raises(StepUnfinished):
                create.create_rev_services(others.pop(), number, last_try=False)
        return post(body)

    flow.rev.create_line = while_another_is_at_it
    with pytest.raises(StepUnfinished):
        create.create_rev_services(flow.context(claim), number, last_try=False)
    assert end(flow, claim) == {"PROCESSED": 6}
    assert [len(flow.rev.lines_of(iccid)) for iccid in PLAIN[:6]] == [1] * 6


def test_a_line_s_absence_counts_only_from_when_rev_io_could_be_asked_again(flow: Flow, rev: Seen) -> None:
    rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
    claim = begun(flow, PLAIN[:1])
    number = flow.plan(claim)[0]

    def again() -> None:
        with pytest.raises(StepUnfinished):
            create.create_rev_services(flow.context(claim), number, last_try=False)

    again()
    flow.clock.pass_seconds(600)
    rev.refuse_list = rev.refuse_look_up = RevioRetryable("no answer")
    again()
    rev.refuse_list = rev.refuse_look_up = None
    again()
    assert rev.posts == 1
    rev.kept.append(Line(1001, int(world.ACME), None, PLAIN[0], flow.clock(), None))
    create.create_rev_services(flow.context(claim), number, last_try=False)
    assert (rev.posts, end(flow, claim)) == (1, {"PROCESSED": 1})


def test_a_product_s_absence_counts_only_from_when_rev_io_could_be_asked_again(flow: Flow, rev: Seen) -> None:
    rev.refusing_products = [RevioOutcomeUnknown("time-out")]
    claim = begun(flow, PLAIN[:1], **ONE_PRODUCT)
    number = flow.plan(claim)[0]

    def again() -> None:
        with pytest.raises(StepUnfinished):
            create.create_rev_services(flow.context(claim), number, last_try=False)

    again()
    flow.clock.pass_seconds(600)
    rev.refuse_products = RevioRetryable("no answer")
    again()
    rev.refuse_products = None
    again()
    assert rev.products_kept == []
    rev.there = [Product(900, world.PRODUCT, "ACTIVE")]
    flow.clock.pass_seconds(600)
    create.create_rev_services(flow.context(claim), number, last_try=False)
    assert (rev.products_kept, end(flow, claim)) == ([], {"PROCESSED": 1})


def test_a_lost_product_whose_record_cannot_be_read_is_added_once(flow: Flow, rev: Seen) -> None:
    rev.refusing_products = [RevioOutcomeUnknown("time-out")]
    claim = begun(flow, PLAIN[:1], **ONE_PRODUCT)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    flow.clock.pass_seconds(600)
    rev.refuse_products = RecordUnreadable("a product of line 1001 is listed with service_product_id None; correct it")
    flow.lines(claim)
    assert end(flow, claim) == {"REV_PRODUCT_FAILED": 1}
    assert "service_product_id None; correct it, then retry" in details(flow, claim.bulk_change_id)
    rev.refuse_products, rev.there = None, [Product(900, world.PRODUCT, "ACTIVE")]
    with flow.portal.connect() as connection:
        dora = find_caller(connection, "dora.ops")
    retry_change(flow.portal, dora, claim.bulk_change_id, reason="corrected", now=flow.clock())
    again = flow.open(claim.bulk_change_id, "second run")
    flow.check(again)
    flow.lines(again)
    assert (rev.products_kept, end(flow, again)) == ([], {"PROCESSED": 1})


def test_no_call_is_repeated_until_the_vendor_has_been_well_for_the_settle_time(flow: Flow, rev: Seen) -> None:
    rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
    claim = begun(flow, PLAIN[:1])
    number = flow.plan(claim)[0]
    budget = RateLimiter(flow.portal, "revio_northwind", Limits(), flow.clock)
    budget.open()

    def again() -> None:
        with pytest.raises(StepUnfinished):
            create.create_rev_services(flow.context(claim), number, last_try=False)

    again()
    for _ in range(MAX_FAILURES):
        budget.count_failure()
    flow.clock.pass_seconds(600)
    budget.count_success()
    again()
    assert rev.posts == 1
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds)
    create.create_rev_services(flow.context(claim), number, last_try=False)
    assert (rev.posts, end(flow, claim)) == (2, {"PROCESSED": 1})

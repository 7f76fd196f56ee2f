"""The whole way of a change, without Airflow: what is written, and that a second run writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from jinja2 import Environment
from sqlalchemy import update

from device_association.data_checks import gate, report_files
from device_association.domain.errors import (
    ChangeNotRunnable,
    ClaimLost,
    DataCheckFailed,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.requests import validate
from device_association.requests.create import check_may_run
from device_association.revio.lines import Line
from device_association.service_lines import create
from device_association.service_lines import plan as line_planning
from device_association.service_lines.journal.calls import begin_calls
from device_association.service_lines.slices import split_into_slices
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

PLAIN = groups().plain


def committed(error: Exception) -> Exception:
    error.committed = True  # type: ignore[attr-defined]
    return error


def test_each_device_ends_with_the_code_of_the_first_rule_that_matches(flow: Flow) -> None:
    g = groups()
    expected = {
        "INVALID_ICCID": g.invalid,
        "DEVICE_NOT_FOUND": g.not_found,
        "DEVICE_NOT_IN_TENANT": g.not_in_tenant,
        "DEVICE_ARCHIVED": g.archived,
        "DEVICE_STATUS_NOT_ALLOWED": g.status_not_allowed,
        "DEVICE_IN_OTHER_CHANGE": g.in_other_change,
        "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER": g.other_customer,
        "DEVICE_HAS_ACTIVE_SERVICE": g.has_active_service,
        "PROCESSED": PLAIN[:3],
    }
    closed = flow.run(request([iccid for iccids in expected.values() for iccid in iccids]))
    assert flow.codes(closed.bulk_change_id) == {iccid: code for code, iccids in expected.items() for iccid in iccids}
    assert closed.status == "PARTIALLY_PROCESSED"
    assert flow.all("device_association", "device_lock") == []


def test_an_associated_device_has_one_line_one_mirror_row_and_one_history_row_a_changed_field(flow: Flow) -> None:
    closed = flow.run(request(PLAIN[:2], RevProductIdList=[41], RateList=["4.50"]))
    change = closed.bulk_change_id
    assert closed.status == "PROCESSED"
    assert [len(flow.rev.lines_of(iccid)) for iccid in PLAIN[:2]] == [1, 1]
    assert len(flow.rev.products_kept) == 2
    history = flow.all("dbo", "deviceactionhistory", bulkchangeid=change)
    fields = sorted(one["changedfield"] for one in history if one["iccid"] == PLAIN[0])
    assert fields == ["AccountNumber", "AccountNumberIntegrationAuthenticationId", "RevServiceId", "SiteId"]
    tenancy = flow.all("dbo", "device_tenant", deviceid=1)[0]
    assert (tenancy["accountnumber"], tenancy["siteid"]) == (world.ACME, 1)
    line = flow.all("dbo", "revservice", id=tenancy["revserviceid"])[0]
    assert (line["number2"], line["revserviceid"]) == (PLAIN[0], flow.rev.lines_of(PLAIN[0])[0].service_id)
    opened = flow.all("dbo", "crossproviderdevicehistory", deviceid=1)
    assert [(one["accountnumber"], one["effectiveto"]) for one in opened] == [(world.ACME, None)]
    assert {one["kind"] for one in flow.all("device_association", "outbox")} == {"MESSAGE", "NOTIFICATION"}


def test_every_step_run_twice_changes_nothing_the_second_time(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    for _ in range(2):
        flow.check(claim)
    for _ in range(2):
        flow.lines(claim)
    for _ in range(2):
        flow.associate(claim)
    assert [len(flow.rev.lines_of(iccid)) for iccid in PLAIN[:3]] == [1, 1, 1]
    assert len(flow.all("dbo", "deviceactionhistory", bulkchangeid=claim.bulk_change_id)) == 12
    assert len(flow.all("dbo", "crossproviderdevicehistory")) == 3
    first = flow.close(claim)
    assert flow.close(claim) == first


def test_the_same_request_again_without_a_line_finds_everything_as_requested(flow: Flow) -> None:
    flow.run(request(PLAIN[:1], CreateRevService=False))
    again = flow.run(request(PLAIN[:1], CreateRevService=False))
    row = flow.all("dbo", "m2m_devicechange", bulkchangeid=again.bulk_change_id)[0]
    assert (row["status"], row["statusdetails"]) == ("PROCESSED", "already as requested")
    assert flow.all("dbo", "deviceactionhistory", bulkchangeid=again.bulk_change_id) == []


def test_a_disconnected_line_is_not_adopted(flow: Flow) -> None:
    ended = NOW - timedelta(days=1)
    flow.rev.kept = [Line(50_001, int(world.ACME), None, PLAIN[0], NOW - timedelta(days=9), ended)]
    assert flow.run(request(PLAIN[:1])).codes == {"PROCESSED": 1}
    (intent,) = flow.all("device_association", "line_intent")
    assert (intent["state"], flow.rev.posts) == ("CREATED", 1)
    assert intent["revserviceid"] != 50_001


def test_a_line_that_only_rev_io_knows_is_adopted_and_never_made_twice(flow: Flow) -> None:
    flow.rev.kept = [Line(50_001, int(world.ACME), "1", groups().adoptable[0], NOW, None)]
    closed = flow.run(request(groups().adoptable[:1]))
    assert (closed.status, flow.rev.posts) == ("PROCESSED", 0)
    assert flow.all("device_association", "line_intent")[0]["state"] == "ADOPTED"


def test_several_lines_for_a_sim_refuse_it_and_are_named(flow: Flow) -> None:
    flow.rev.kept = [Line(number, int(world.ACME), "1", PLAIN[0], NOW, None) for number in (60_001, 60_002)]
    closed = flow.run(request(PLAIN[:1]))
    row = flow.all("dbo", "m2m_devicechange", bulkchangeid=closed.bulk_change_id)[0]
    assert row["errorcode"] == "REV_LINE_AMBIGUOUS"
    assert "60001, 60002" in row["statusdetails"]
    assert flow.rev.posts == 0


def test_a_line_of_another_sim_with_the_same_number_is_no_match(flow: Flow) -> None:
    flow.rev.kept = [Line(60_001, int(world.ACME), world.msisdn(1), PLAIN[50], NOW, None)]
    assert flow.run(request(PLAIN[:1])).status == "PROCESSED"
    assert flow.rev.posts == 1


@pytest.mark.parametrize("failed", [["check_data"], []])
def test_a_change_that_ends_early_gives_every_device_back(flow: Flow, failed: list[str]) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    if not failed:
        flow.check(claim)
        flow.rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("time-out")]}
        flow.lines(claim, last_try=True)
    assert len(flow.all("device_association", "device_lock")) == 3
    flow.close(claim, failed=failed)
    assert flow.all("device_association", "device_lock") == []


def test_a_refused_line_fails_its_device_and_nothing_else_is_written_for_it(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioRejected("no such rate centre", status=400)]}
    closed = flow.run(request(PLAIN[:2]))
    assert flow.codes(closed.bulk_change_id) == {PLAIN[0]: "REV_REJECTED", PLAIN[1]: "PROCESSED"}
    assert flow.all("dbo", "deviceactionhistory", bulkchangeid=closed.bulk_change_id, iccid=PLAIN[0]) == []
    assert closed.status == "PARTIALLY_PROCESSED"


def test_a_line_made_before_a_500_is_found_and_not_made_again(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [committed(RevioOutcomeUnknown("500", status=500))]}
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    flow.lines(claim)
    assert len(flow.rev.lines_of(PLAIN[0])) == 1
    assert flow.all("device_association", "line_intent")[0]["state"] == "CREATED"


def test_an_unknown_call_is_repeated_only_after_the_line_stayed_absent_for_the_settle_time(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("timeout")]}
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    for _ in range(3):
        with pytest.raises(StepUnfinished):
            flow.lines(claim)
    assert flow.rev.posts == 1
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    flow.lines(claim)
    assert (flow.rev.posts, len(flow.rev.lines_of(PLAIN[0]))) == (2, 1)


def test_an_outcome_that_stays_unknown_fails_its_device_and_keeps_its_intent_open(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioOutcomeUnknown("timeout")]}
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    flow.associate(claim)
    assert flow.close(claim).codes == {"REV_OUTCOME_UNKNOWN": 1}
    assert flow.all("device_association", "line_intent")[0]["state"] == "UNKNOWN"


def test_a_call_whose_worker_died_becomes_unknown_when_its_lease_runs_out_never_planned(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    flow.rev.refusing = {PLAIN[0]: [KeyboardInterrupt()]}
    with pytest.raises(KeyboardInterrupt):
        flow.lines(claim)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    assert flow.all("device_association", "line_intent")[0]["state"] == "CALLING", "while its lease lasts"
    flow.clock.pass_seconds(flow.settings.rev_lease_seconds + 1)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    assert (flow.all("device_association", "line_intent")[0]["state"], flow.rev.posts) == ("UNKNOWN", 1)


def test_a_refused_product_names_its_line_and_leaves_the_device_where_it_was(flow: Flow) -> None:
    flow.rev.refusing_products = [RevioRejected("no such product", status=400)]
    closed = flow.run(request(PLAIN[:1], RevProductIdList=[41], RateList=["1"]))
    row = flow.all("dbo", "m2m_devicechange", bulkchangeid=closed.bulk_change_id)[0]
    assert row["errorcode"] == "REV_PRODUCT_FAILED"
    assert "line 1001" in row["statusdetails"]
    assert flow.all("dbo", "device_tenant", deviceid=1)[0]["accountnumber"] is None


def test_refused_credentials_stop_the_whole_change(flow: Flow) -> None:
    flow.settings = flow.settings.model_copy(update={"rev_concurrency": 1})
    flow.rev.refusing = {PLAIN[0]: [RevioUnauthorized("401", status=401)]}
    closed = flow.run(request(PLAIN[:5]))
    assert closed.codes == {"REV_UNAUTHORIZED": 5}
    assert (closed.status, flow.rev.posts) == ("ERROR", 1)
    assert {one["state"] for one in flow.all("device_association", "line_intent")} == {"ABANDONED"}


def test_a_stopped_change_begins_no_further_device(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    flow.check(claim)
    flow.stop(claim, "CANCELED_BY_USER", "wrong customer")
    flow.lines(claim)
    flow.associate(claim)
    closed = flow.close(claim)
    assert (closed.status, closed.codes, flow.rev.posts) == ("CANCELED", {"CANCELED_BY_USER": 3}, 0)


def test_a_future_plan_is_queued_and_the_association_is_immediate(flow: Flow) -> None:
    later = (NOW + timedelta(days=30)).isoformat()
    plan = {"AddCustomerRatePlan": True, "CustomerRatePlan": "1", "CustomerRatePool": "1"}
    flow.run(request(PLAIN[:1], CreateRevService=False, EffectiveDate=later, CustomerDataAllocationMB=5, **plan))
    queued = flow.all("dbo", "device_customerrateplanorratepool_queue")
    assert [(one["deviceid"], one["customerrateplanid"], one["effectivedate"]) for one in queued] == [
        (1, 1, NOW + timedelta(days=30))
    ]
    tenancy = flow.all("dbo", "device_tenant", deviceid=1)[0]
    assert (tenancy["accountnumber"], tenancy["customerrateplanid"]) == (world.ACME, None)


def test_a_present_plan_and_a_carrier_plan_are_set_with_their_history(flow: Flow) -> None:
    closed = flow.run(
        request(
            PLAIN[:1],
            CreateRevService=False,
            AddCustomerRatePlan=True,
            CustomerRatePlan="1",
            AddCarrierRatePlan=True,
            CarrierRatePlan=world.CARRIER_PLAN,
            CommPlan="roaming",
        )
    )
    assert flow.all("dbo", "device_tenant", deviceid=1)[0]["customerrateplanid"] == 1
    device = flow.all("dbo", "device", id=1)[0]
    assert (device["carrierrateplanid"], device["commplan"]) == (1, "roaming")
    fields = {one["changedfield"] for one in flow.all("dbo", "deviceactionhistory", bulkchangeid=closed.bulk_change_id)}
    assert {"CustomerRatePlanId", "CarrierRatePlanId", "CommPlan"} <= fields


def test_a_device_of_the_parent_tenant_gets_a_row_in_the_sub_tenant(flow: Flow) -> None:
    change = flow.create(
        request(groups().inherited[:1], RevCustomerId=world.GULF, CreateRevService=False), user="finn.fleet"
    ).change_id
    claim = flow.open(change)
    flow.check(claim)
    flow.associate(claim)
    assert flow.close(claim).status == "PROCESSED"
    assert flow.all("dbo", "device_tenant", tenantid=world.FLEET)[0]["accountnumber"] == world.GULF


def test_two_runs_never_hold_one_change(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    flow.open(change, "first")
    with pytest.raises(ClaimLost, match="held by run first"):
        flow.open(change, "second")


def test_a_dead_run_loses_its_change_and_can_write_nothing_more(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    dead = flow.open(change, "dead")
    living = flow.open(change, "living", lives=lambda _: False)
    with pytest.raises(ClaimLost):
        flow.check(dead)
    flow.check(living)


@pytest.mark.parametrize(("retry", "word"), [(1, "from the future"), (-1, "stale")])
def test_another_retry_than_the_change_s_own_is_not_worked_on(flow: Flow, retry: int, word: str) -> None:
    change = flow.create(request(PLAIN[:1])).change_id
    with pytest.raises(ClaimLost, match=word):
        flow.open(change, retry=retry)


def test_a_change_that_another_program_has_in_work_is_reported_not_taken(flow: Flow) -> None:
    theirs = flow.all("dbo", "devicebulkchange")[0]["id"]
    table = flow.table("dbo", "devicebulkchange")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.id == theirs).values(changerequesttypeid=4))
    with pytest.raises(ClaimLost, match="another program"):
        flow.open(theirs)


def test_an_unknown_and_an_ended_change_say_what_to_do(flow: Flow) -> None:
    with pytest.raises(ChangeNotRunnable, match="no bulk change 999"):
        flow.open(999)
    closed = flow.run(request(PLAIN[:1], CreateRevService=False))
    with pytest.raises(ClaimLost, match="use Retry"):
        flow.open(closed.bulk_change_id)
    with pytest.raises(ChangeNotRunnable, match="use Retry"):
        check_may_run(flow.portal, closed.bulk_change_id, "dora.ops")
    with pytest.raises(ChangeNotRunnable, match="no bulk change"):
        check_may_run(flow.portal, closed.bulk_change_id, "finn.fleet")


def test_rows_left_open_by_a_dead_step_name_it(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    closed = flow.close(claim, failed=["check_data"])
    row = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)[0]
    assert (closed.status, row["errorcode"]) == ("ERROR", "STEP_FAILED")
    assert "check_data" in row["statusdetails"]


@pytest.mark.parametrize("by", ["its flag", "its status"])
def test_a_device_is_archived_by_its_flag_or_by_its_status(flow: Flow, by: str) -> None:
    status = flow.all("dbo", "devicestatus", status="ARCHIVED")[0]["id"]
    archived = {"isactive": 0} if by == "its flag" else {"devicestatusid": status}
    table = flow.table("dbo", "device")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.iccid == PLAIN[0]).values(**archived))
    created = flow.create(request(PLAIN[:2]))
    assert flow.codes(created.change_id) == {PLAIN[0]: "DEVICE_ARCHIVED", PLAIN[1]: "NEW"}


def test_a_customer_closed_since_the_request_refuses_every_row(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    table = flow.table("dbo", "revcustomer")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.revcustomerid == world.ACME).values(status="CLOSED"))
    flow.check(claim)
    assert set(flow.codes(claim.bulk_change_id).values()) == {"CUSTOMER_CLOSED"}


def test_a_customer_deleted_since_the_request_refuses_every_row(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    table = flow.table("dbo", "revcustomer")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.revcustomerid == world.ACME).values(isdeleted=1))
    flow.check(claim)
    assert set(flow.codes(claim.bulk_change_id).values()) == {"CUSTOMER_NOT_FOUND"}


def test_a_payload_that_the_portal_broke_refuses_its_row_only(flow: Flow) -> None:
    change = flow.create(request(PLAIN[:2], CreateRevService=False)).change_id
    written = flow.all("dbo", "m2m_devicechange", bulkchangeid=change)
    requests, devices = flow.table("dbo", "devicechangerequest"), flow.table("device_association", "requested_device")
    with flow.portal.begin() as connection:
        connection.execute(devices.delete())
        connection.execute(
            update(requests).where(requests.c.id == written[0]["devicechangerequestid"]).values(changerequest="{broken")
        )
    claim = flow.open(change)
    flow.check(claim)
    flow.associate(claim)
    assert flow.codes(change) == {PLAIN[0]: "INVALID_REQUEST", PLAIN[1]: "PROCESSED"}


def test_the_data_checks_pass_a_sound_batch_and_write_their_report(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    assert gate.check_data(flow.portal, claim, docs_folder=flow.docs, now=flow.clock()) == 3
    report = flow.docs / report_files.report_page(flow.docs)
    assert gate.STYLES.read_text() in report.read_text()
    assert set(flow.codes(claim.bulk_change_id).values()) == {"PROCESSING"}


def test_a_second_report_compiles_no_template(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    def report(iccid: str) -> int:
        claim = flow.open(flow.create(request([iccid])).change_id)
        return gate.check_data(flow.portal, claim, docs_folder=flow.docs, now=flow.clock())

    report(PLAIN[0])
    monkeypatch.setattr(Environment, "compile", lambda *_, **__: pytest.fail("a template is compiled"))
    assert report(PLAIN[1]) == 1


def test_a_failed_data_check_bills_and_associates_nobody(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3], EffectiveDate="2999-01-01T00:00:00Z")).change_id)
    with pytest.raises(DataCheckFailed, match="ten years"):
        gate.check_data(flow.portal, claim, docs_folder=flow.docs, now=flow.clock())
    flow.lines(claim)
    flow.associate(claim)
    closed = flow.close(claim, failed=["check_data"])
    assert (closed.status, closed.codes, flow.rev.posts) == ("ERROR", {"DATA_CHECK_FAILED": 3}, 0)


def test_an_iccid_without_its_check_digit_is_a_warning_only(flow: Flow, tmp_path: Path) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    frame, _ = gate.load_frame(flow.portal, claim.bulk_change_id, NOW)
    frame["luhn_holds"] = False
    findings = gate.validate(frame, open_rows=1, docs_folder=tmp_path, now=NOW)
    assert [finding.is_critical for finding in findings] == [False]


def test_a_check_that_was_killed_associates_and_bills_nobody(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    validate.validate_devices(flow.portal, claim, now=flow.clock())
    assert flow.lines(claim) == []
    assert flow.associate(claim)["associated"] == 0
    closed = flow.close(claim, failed=["check_data"])
    assert (closed.codes, flow.rev.posts) == ({"STEP_FAILED": 2}, 0)


def test_a_slice_that_died_for_good_costs_the_others_nothing(flow: Flow) -> None:
    flow.rev.refusing = {PLAIN[0]: [RevioRetryable("down")] * 99}
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    flow.check(claim)
    slices = line_planning.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    with pytest.raises(RevioRetryable, match="could not be reached"):
        create.create_rev_services(flow.context(claim), slices[0], last_try=True)
    for number in slices[1:]:
        create.create_rev_services(flow.context(claim), number, last_try=True)
    flow.associate(claim)
    closed = flow.close(claim, failed=["create_rev_service_0"])
    assert closed.status == "PARTIALLY_PROCESSED"
    assert flow.codes(claim.bulk_change_id) == {
        PLAIN[0]: "STEP_FAILED",
        PLAIN[1]: "PROCESSED",
        PLAIN[2]: "PROCESSED",
    }


def test_a_stop_cancels_the_devices_that_ask_for_no_line_and_associates_those_that_have_one(flow: Flow) -> None:
    for asks, code in ((False, "CANCELED_BY_USER"), (True, "PROCESSED")):
        devices = PLAIN[:2] if asks else PLAIN[2:4]
        claim = flow.open(flow.create(request(devices, CreateRevService=asks)).change_id)
        flow.check(claim)
        flow.lines(claim)
        flow.stop(claim, "CANCELED_BY_USER", "the wrong customer")
        flow.associate(claim)
        assert flow.codes(claim.bulk_change_id) == dict.fromkeys(devices, code)
        assert bool(flow.all("dbo", "deviceactionhistory", bulkchangeid=claim.bulk_change_id)) is asks
        assert flow.close(claim).codes == {code: 2}
    assert flow.all("device_association", "device_lock") == []
    tenants = {one["deviceid"]: one["siteid"] for one in flow.all("dbo", "device_tenant")}
    canceled = [one["deviceid"] for one in flow.all("dbo", "m2m_devicechange", errorcode="CANCELED_BY_USER")]
    assert {tenants[device] for device in canceled} == {None}


def test_a_planned_slice_never_shifts_when_it_is_planned_again(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:3])).change_id)
    flow.check(claim)
    flow.lines(claim)
    before = flow.all("device_association", "rev_service_slice")
    assert [sum(counts.values()) for counts in flow.lines(claim)] == [0, 0, 0]
    assert flow.all("device_association", "rev_service_slice") == before


@pytest.mark.parametrize(
    ("devices", "slices", "largest"),
    [(0, 0, 0), (1, 1, 1), (200, 200, 1), (201, 4, 51), (500, 8, 63), (20_000, 200, 100), (100_000, 200, 500)],
)
def test_a_change_is_cut_into_no_more_slices_than_airflow_can_bear(devices: int, slices: int, largest: int) -> None:
    cut = list(split_into_slices(list(range(devices)), max_slices=200, min_devices=50))
    assert (len(cut), max((one.devices for one in cut), default=0)) == (slices, largest)
    assert sum(one.devices for one in cut) == devices


def test_two_workers_never_post_the_same_device(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    number = line_planning.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)[0]
    contexts = [flow.context(claim) for _ in range(8)]
    with ThreadPoolExecutor(8) as workers:
        tries = [workers.submit(create.create_rev_services, context, number, last_try=False) for context in contexts]
        errors = {type(one.exception()) for one in tries}
    assert errors <= {type(None), StepUnfinished, ClaimLost}
    assert (flow.rev.posts, len(flow.rev.lines_of(PLAIN[0]))) == (1, 1)


def test_a_call_that_is_out_is_not_begun_again_by_a_worker_that_read_it_as_planned(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    line_planning.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    (intent,) = flow.all("device_association", "line_intent")
    begun = [begin_calls(flow.context(claim), "revio_northwind", {intent["id"]: None}) for _ in range(2)]
    assert begun == [{intent["id"]}, set()]


def test_two_changes_at_once_share_no_device(flow: Flow) -> None:
    with ThreadPoolExecutor(4) as workers:
        made = list(workers.map(lambda _: flow.create(request(PLAIN[:50])), range(4)))
    assert sum(one.accepted for one in made) == 50
    assert len(flow.all("device_association", "device_lock")) == 50

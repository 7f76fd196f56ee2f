"""Whose line is it? What other people and programs do at Rev.io never makes a second line, and never takes one away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update

from device_association.bulk_changes.access import PortalUser, find_caller
from device_association.domain.errors import (
    ClaimLost,
    ConfigurationError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    StepUnfinished,
)
from device_association.domain.sim_numbers import luhn_digit
from device_association.requests.actions import retry_change
from device_association.requests.revert import revert_change
from device_association.revio.lines import Line, line_of
from device_association.revio.listings import Listing
from device_association.revio.responses import read_integer
from device_association.service_lines import create as line_creation
from device_association.service_lines import plan as line_planning
from device_association.service_lines.devices import customer_number
from device_association.service_lines.journal.calls import begin_calls
from device_association.service_lines.lookups import snapshot
from local.sample_data import groups, world
from tests.flow import NOW, Flow, Rev, line_from, request, settings
from tests.outcomes import Committed, settle

PLAIN = groups().plain
SIM, OTHER_SIM = PLAIN[:2]
ACME, BOREALIS = int(world.ACME), int(world.BOREALIS)
TWO_HOURS = 7200.0


class Watched(Rev):
    """Remembers the filters of each list, and can ignore a filter, answer it with nothing or refuse it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.ignored: set[str] = set()
        self.empty: set[str] = set()
        self.refused: set[str] = set()

    def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
        self.asked.append(filters)
        if self.empty & filters.keys():
            return Listing(())
        if self.refused & filters.keys():
            raise RevioRejected("GET /v1/Services was answered 400: unknown filter", status=400)
        return super().lines(**{name: value for name, value in filters.items() if name not in self.ignored})


def line(number: int, customer: int | None, sim: str | None, *, msisdn: str | None = None, **more: Any) -> Line:
    made = Line(number, customer, msisdn, sim, more.pop("created", NOW - timedelta(days=90)), more.pop("ends", None))
    return replace(made, **more)


def planned(flow: Flow, devices: Sequence[str], **more: Any) -> Any:
    claim = flow.open(flow.create(request(devices, **more)).change_id)
    flow.check(claim)
    return claim


def plan(flow: Flow, claim: Any, clients: Any = None) -> list[int]:
    clients = clients or (lambda _: flow.rev)
    return line_planning.plan_rev_services(flow.portal, claim, clients, flow.settings, clock=flow.clock)


def call(flow: Flow, claim: Any, slices: list[int], *, clients: Any = None) -> None:
    context = flow.context(claim) if clients is None else replace(flow.context(claim), clients=clients)
    for number in slices:
        line_creation.create_rev_services(context, number, last_try=False)


def end(flow: Flow, claim: Any) -> dict[str, str]:
    flow.associate(claim)
    flow.close(claim)
    return flow.codes(claim.bulk_change_id)


def intents(flow: Flow) -> list[tuple[str, int | None]]:
    return [(one["state"], one["revserviceid"]) for one in flow.all("device_association", "line_intent")]


def log_text(flow: Flow, claim: Any) -> str:
    return json.dumps(
        [
            [one["requesttext"], one["responsetext"], one["errortext"]]
            for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=claim.bulk_change_id)
        ]
    )


# A listing that has aged.


def test_a_line_that_somebody_made_while_the_change_waited_is_adopted_and_no_second_one_made(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(TWO_HOURS)
    flow.rev.kept.append(line(5, ACME, SIM, created=flow.clock()))
    call(flow, claim, slices)
    assert (flow.rev.posts, intents(flow), end(flow, claim)) == (0, [("ADOPTED", 5)], {SIM: "PROCESSED"})


def test_a_line_made_for_another_customer_while_the_change_waited_is_never_doubled(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(TWO_HOURS)
    flow.rev.kept.append(line(5, BOREALIS, SIM, created=flow.clock()))
    call(flow, claim, slices)
    assert (flow.rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_OF_OTHER_CUSTOMER"})


def test_a_call_whose_last_look_is_old_asks_once_for_what_was_created_since(flow: Flow) -> None:
    rev = flow.rev = Watched()
    rev.kept.append(line(5, ACME, "a SIM of nobody's"))
    claim = planned(flow, PLAIN[:20])
    slices = plan(flow, claim)
    rev.asked.clear()
    flow.clock.pass_seconds(TWO_HOURS)
    call(flow, claim, slices)
    assert [set(filters) for filters in rev.asked] == [{"created_date_start"}]
    assert rev.posts == 20


def test_no_call_begins_once_its_last_look_is_a_minute_old(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    plan(flow, claim)
    (intent,) = flow.all("device_association", "line_intent")
    about = (flow.context(claim), "revio_northwind", {intent["id"]: None})
    flow.clock.now = intent["lookeddate"] + timedelta(seconds=60)
    assert begin_calls(*about) == set()
    flow.clock.pass_seconds(-1)
    assert begin_calls(*about) == {intent["id"]}


def test_looks_that_are_fresh_cost_no_call(flow: Flow) -> None:
    rev = flow.rev = Watched()
    for iccid in PLAIN[:2]:
        claim = planned(flow, [iccid])
        call(flow, claim, plan(flow, claim))
        end(flow, claim)
    assert [set(filters) for filters in rev.asked] == [set()]


def test_a_customer_is_listed_again_once_the_account_s_listing_is_a_minute_old(flow: Flow) -> None:
    rev = flow.rev = Watched()
    rev.kept.append(line(4, BOREALIS, "a SIM of nobody's"))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    rev.kept.append(line(5, ACME, SIM))  # an old line of another SIM until now
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert [set(filters) for filters in rev.asked] == [set(), {"created_date_start"}, {"customer_id"}]
    assert (rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 5))


@pytest.mark.parametrize("ahead", [timedelta(days=30_000), timedelta(hours=20), timedelta(minutes=11)])
def test_a_record_dated_in_the_future_hides_no_line_that_is_created_after_it(flow: Flow, ahead: timedelta) -> None:
    flow.rev.kept += [line(8, ACME, "a SIM of nobody's"), line(9, ACME, "another one", created=NOW + ahead)]
    plan(flow, planned(flow, [OTHER_SIM]))
    behind = timedelta(minutes=8)  # as Rev.io's clock may be
    for number, iccid in enumerate(PLAIN[2:4], start=10):
        flow.clock.pass_seconds(3600)
        flow.rev.kept.append(line(number, ACME, f"SIM {number}", created=flow.clock() - behind))
        plan(flow, planned(flow, [iccid]))
    flow.rev.kept.append(line(20, BOREALIS, SIM, created=flow.clock() - behind))
    flow.clock.pass_seconds(3600)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_OF_OTHER_CUSTOMER"})


def test_an_account_in_which_every_date_is_in_the_future_is_looked_at_all_the_same(flow: Flow) -> None:
    flow.rev.kept.append(line(9, ACME, "a SIM of nobody's", created=NOW + timedelta(days=30_000)))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(3600)
    flow.rev.kept.append(line(10, BOREALIS, SIM, created=flow.clock()))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert flow.rev.posts == 0


@pytest.mark.parametrize("hours", [-13, 13])
def test_an_account_whose_zone_is_not_the_one_that_is_set_hides_no_new_line(flow: Flow, hours: int) -> None:
    rev = flow.rev = Watched()
    shift = timedelta(hours=hours)
    rev.kept.append(line(8, ACME, "a SIM of nobody's", created=NOW + shift))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    rev.kept.append(line(10, BOREALIS, SIM, created=flow.clock() + shift))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (rev.posts, [set(one) for one in rev.asked][1]) == (0, {"created_date_start"})


def test_a_line_made_while_the_account_is_listed_beside_a_slice_is_not_hidden_by_the_listing(flow: Flow) -> None:
    rev = flow.rev = Watched()
    rev.kept += [line(4, BOREALIS, "a SIM of nobody's", created=NOW - timedelta(days=1))]
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(24 * 3600)
    waiting: list[tuple[Any, list[int]]] = []

    def list_slowly(**_: Any) -> Listing:
        flow.clock.pass_seconds(100)
        claim = planned(flow, [SIM])
        waiting.append((claim, plan(flow, claim)))
        flow.clock.pass_seconds(30)
        rev.kept.append(line(5, BOREALIS, SIM, created=flow.clock()))
        flow.clock.pass_seconds(60)
        return Rev.lines(rev)

    account = snapshot.RevAccount(world.ACCOUNT, "northwind", "revio_northwind", world.NORTHWIND)
    snapshot.listing_of_today(flow.portal, account, list_slowly, clock=flow.clock)
    flow.clock.pass_seconds(60)
    ((claim, slices),) = waiting
    call(flow, claim, slices)
    assert (rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_OF_OTHER_CUSTOMER"})


# Records that cannot be judged, and other spellings.


@pytest.mark.parametrize("ends", ["9999-12-31T00:00:00", "9999-12-31", "0001-01-01T00:00:00", "", None, "never"])
def test_a_line_whose_end_is_left_open_in_whatever_way_is_adopted(flow: Flow, ends: str | None) -> None:
    flow.rev.kept.append(line_of({"service_id": 5, "customer_id": ACME, "number2": SIM, "disconnected_date": ends}))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow), end(flow, claim)) == (0, [("ADOPTED", 5)], {SIM: "PROCESSED"})


@pytest.mark.parametrize(
    ("spelled", "found"),
    [
        (f"{SIM}F", "ADOPTED"),
        (f"{SIM[:4]}-{SIM[4:9]} {SIM[9:]}", "ADOPTED"),
        (SIM[:-1] if len(SIM) == 20 and luhn_digit(SIM[:19]) == SIM[19] else SIM + luhn_digit(SIM), "ADOPTED"),
    ],
)
def test_a_line_is_the_sim_s_however_its_iccid_is_spelled(flow: Flow, spelled: str, found: str) -> None:
    flow.rev.kept.append(line(5, ACME, spelled))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)) == (0, [(found, 5)])


@pytest.mark.parametrize(
    "strange",
    [
        Line(5, None, None, SIM, None, None),
        Line(None, ACME, None, SIM, None, None),
        Line(None, None, f"{SIM}F", None, None, None),
        Line(5, ACME, None, None, None, None, rounded=(float(SIM),)),
    ],
)
def test_a_record_with_the_sim_s_digits_that_cannot_be_judged_stops_the_call(flow: Flow, strange: Line) -> None:
    flow.rev.kept.append(strange)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_AMBIGUOUS"})


@pytest.mark.parametrize("place", ["number", "number2"])
@pytest.mark.parametrize(
    "sent", [[SIM], {"value": f"{SIM}F"}, [int(SIM)], [[float(SIM)]], f"{SIM}.0", f"{float(SIM):.17e}"]
)
def test_a_number_that_is_sent_as_a_list_an_object_or_a_decimal_text_stops_the_call(
    flow: Flow, place: str, sent: object
) -> None:
    flow.rev.kept.append(line_of({"service_id": 5, "customer_id": ACME, place: sent}))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.lines_of(SIM), end(flow, claim)[SIM]) == ([], "REV_LINE_AMBIGUOUS")


@pytest.mark.parametrize("sent", ["1e999", "NaN", "9" * 5000])
def test_a_number2_that_is_no_number_stops_only_the_sim_of_the_record_s_msisdn(flow: Flow, sent: str) -> None:
    (device,) = flow.all("dbo", "device", iccid=SIM)
    record = json.loads(
        json.dumps({"service_id": 5, "customer_id": ACME, "number": device["msisdn"], "number2": "SENT"}).replace(
            '"SENT"', sent
        ),
        parse_int=read_integer,
    )
    flow.rev.kept.append(line_of(record))
    claim = planned(flow, [SIM, OTHER_SIM])
    call(flow, claim, plan(flow, claim))
    assert end(flow, claim) == {SIM: "REV_LINE_AMBIGUOUS", OTHER_SIM: "PROCESSED"}


def test_a_record_that_was_corrected_at_rev_io_stops_no_retry(flow: Flow) -> None:
    flow.rev.kept.append(Line(None, ACME, None, SIM, None, None))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert end(flow, claim) == {SIM: "REV_LINE_AMBIGUOUS"}
    flow.rev.kept.clear()
    flow.clock.pass_seconds(600)
    assert flow.run(request([SIM])).codes == {"PROCESSED": 1}
    assert flow.rev.posts == 1


def test_a_record_without_a_customer_in_the_customer_s_own_list_is_that_customer_s(flow: Flow) -> None:
    class Own(Rev):
        def lines(self, **filters: Any) -> Listing:
            found = super().lines(**filters)
            nobodys = (Line(5, None, None, SIM, NOW, None),) if filters.get("customer_id") == ACME else ()
            return Listing((*found, *nobodys))

    flow.rev = Own([line(4, BOREALIS, "a SIM of nobody's")])
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 5))


def test_a_filter_on_customers_that_shows_another_s_lines_hides_no_line_that_got_the_sim(flow: Flow) -> None:
    class Stuck(Rev):
        def lines(self, **filters: Any) -> Listing:
            stuck = {"customer_id": BOREALIS} if "customer_id" in filters else {}
            return super().lines(**filters | stuck)

    old = line(5, ACME, "8914800000000000012", msisdn="5550100004", created=NOW - timedelta(days=99))
    flow.rev = Stuck([line(4, BOREALIS, "a SIM of nobody's"), old])
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.rev.kept[1] = replace(old, number2=SIM)
    flow.clock.pass_seconds(600)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 5))


# Lines of other customers, changes over several customers and accounts.


def test_a_line_of_another_customer_that_the_mirror_lacks_stops_the_call_and_names_nobody(flow: Flow) -> None:
    flow.rev.kept.append(line(5, BOREALIS, SIM))
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_OF_OTHER_CUSTOMER"})
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    assert "active line 5 of this SIM at another customer" in row["statusdetails"]
    assert world.BOREALIS not in row["statusdetails"]


def test_a_line_that_left_the_other_customer_since_the_listing_stops_nobody(flow: Flow) -> None:
    flow.rev.kept.append(line(5, BOREALIS, SIM))
    planned_first = planned(flow, [OTHER_SIM])
    plan(flow, planned_first)
    flow.rev.kept[0] = replace(flow.rev.kept[0], disconnected=NOW - timedelta(days=1))
    flow.clock.pass_seconds(600)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, end(flow, claim)) == (1, {SIM: "PROCESSED"})


def for_customer(flow: Flow, change_id: int, iccid: str, customer: str) -> None:
    """Let one device of a change be for another customer, as the running portal may write it."""
    terms, devices = (
        flow.table("device_association", "request_terms"),
        flow.table("device_association", "requested_device"),
    )
    with flow.portal.begin() as connection:
        found = connection.execute(select(terms).where(terms.c.bulkchangeid == change_id)).mappings().one()
        customers = flow.table("dbo", "revcustomer")
        guid = connection.execute(select(customers.c.id).where(customers.c.revcustomerid == customer)).scalar_one()
        copied = {name: value for name, value in found.items() if name != "id"}
        connection.execute(insert(terms).values(**copied | {"termshash": "0" * 64, "revcustomerid": guid}))
        own = connection.execute(select(terms.c.id).where(terms.c.termshash == "0" * 64)).scalar_one()
        rows = flow.table("dbo", "m2m_devicechange")
        row = connection.execute(
            select(rows.c.id).where(rows.c.bulkchangeid == change_id, rows.c.iccid == iccid)
        ).scalar_one()
        connection.execute(update(devices).where(devices.c.m2mdevicechangeid == row).values(termsid=own))


def test_a_line_of_one_customer_is_not_adopted_for_another_customer_s_sim_of_the_same_change(flow: Flow) -> None:
    flow.rev.kept.append(line(5, ACME, SIM))
    claim = planned(flow, [SIM, OTHER_SIM])
    for_customer(flow, claim.bulk_change_id, SIM, world.BOREALIS)
    call(flow, claim, plan(flow, claim))
    found = {one["iccid"]: (one["state"], one["revserviceid"]) for one in flow.all("device_association", "line_intent")}
    assert found == {SIM: ("REJECTED", None), OTHER_SIM: ("CREATED", 1001)}


def test_a_line_of_one_account_does_not_hide_the_line_with_its_number_in_another(flow: Flow) -> None:
    north, second = Rev(), Rev()
    north.kept.append(line(555, ACME, SIM))
    second.kept.append(line(555, int(world.GULF), OTHER_SIM))
    claim = planned(flow, [SIM, OTHER_SIM])
    for_customer(flow, claim.bulk_change_id, OTHER_SIM, world.GULF)
    accounts = {"revio_northwind": north, "revio_secondary": second}
    call(flow, claim, plan(flow, claim, accounts.__getitem__), clients=accounts.__getitem__)
    assert (north.posts, second.posts) == (0, 0)
    assert intents(flow) == [("ADOPTED", 555), ("ADOPTED", 555)]


def test_a_sim_that_an_account_turns_down_gets_no_line_in_another_one(flow: Flow) -> None:
    """Its lines are old ones that got its ICCID since the account was listed: only the customer's list shows them."""
    sim = groups().inherited[0]
    flow.rev.kept.append(line(4, BOREALIS, "a SIM of nobody's"))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    older = NOW - timedelta(days=99)
    flow.rev.kept += [line(number, ACME, sim, created=older) for number in (5, 6)]
    claim = planned(flow, [sim])
    call(flow, claim, plan(flow, claim))
    assert end(flow, claim) == {sim: "REV_LINE_AMBIGUOUS"}
    again = flow.create(request([sim], RevCustomerId=world.GULF), user="finn.fleet").change_id
    assert flow.codes(again) == {sim: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}


def test_a_customer_who_is_renumbered_between_call_and_look_up_gets_no_second_line(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        call(flow, claim, slices)
    customers = flow.table("dbo", "revcustomer")
    with flow.portal.begin() as connection:
        connection.execute(
            update(customers).where(customers.c.revcustomerid == world.ACME).values(revcustomerid="99123")
        )
    flow.clock.pass_seconds(600)
    call(flow, claim, slices)
    assert (flow.rev.posts, intents(flow)) == (1, [("CREATED", 1001)])


# The number that the device has when the change runs.


def put(flow: Flow, name: str, where: dict[str, Any], **values: Any) -> None:
    table = flow.table("dbo", name)
    with flow.portal.begin() as connection:
        found = [table.c[column] == value for column, value in where.items()]
        connection.execute(update(table).where(*found).values(**values))


def test_a_line_known_by_its_number_is_adopted_for_a_row_that_was_written_without_it(flow: Flow) -> None:
    (device,) = flow.all("dbo", "device", iccid=SIM)
    flow.rev.kept.append(line(5, ACME, None, msisdn=device["msisdn"]))
    claim = flow.open(flow.create(request([SIM])).change_id)
    put(flow, "m2m_devicechange", {"bulkchangeid": claim.bulk_change_id}, msisdn=None)
    flow.check(claim)
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)) == (0, [("ADOPTED", 5)])


def test_a_line_known_by_the_number_that_the_device_got_since_the_request_is_adopted(flow: Flow) -> None:
    flow.rev.kept.append(line(5, ACME, None, msisdn="15557770000"))
    claim = flow.open(flow.create(request([SIM])).change_id)
    put(flow, "device", {"iccid": SIM}, msisdn="15557770000")
    flow.check(claim)
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)) == (0, [("ADOPTED", 5)])


def test_a_row_keeps_its_number_where_the_device_has_none(flow: Flow) -> None:
    claim = flow.open(flow.create(request([SIM])).change_id)
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    put(flow, "device", {"iccid": SIM}, msisdn=None)
    flow.check(claim)
    assert flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)[0]["msisdn"] == row["msisdn"]


# The same SIM as two devices, one with the check digit and one without.


TWIN = SIM[:19] if len(SIM) == 20 else SIM + luhn_digit(SIM)


def add_twin(flow: Flow) -> None:
    """Write the device of SIM a second time, with its ICCID in the other spelling and another number."""
    (device,) = flow.all("dbo", "device", iccid=SIM)
    (tenant,) = flow.all("dbo", "device_tenant", deviceid=device["id"])
    with flow.portal.begin() as connection:
        twin = device | {"iccid": TWIN, "msisdn": "15559990000"}
        twin.pop("id")
        connection.execute(insert(flow.table("dbo", "device")).values(**twin))
    (twin,) = flow.all("dbo", "device", iccid=TWIN)
    tenant = tenant | {"deviceid": twin["id"]}
    tenant.pop("id")
    with flow.portal.begin() as connection:
        connection.execute(insert(flow.table("dbo", "device_tenant")).values(**tenant))


def test_a_sim_in_two_spellings_in_one_change_gets_one_line(flow: Flow) -> None:
    add_twin(flow)
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=50)
    claim = planned(flow, [SIM, TWIN])
    call(flow, claim, plan(flow, claim))
    assert end(flow, claim) == {SIM: "PROCESSED", TWIN: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}
    assert flow.rev.posts == 1
    (refused,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id, iccid=TWIN)
    assert f"asks for a line for this SIM, there written {SIM}" in refused["statusdetails"]


def test_a_sim_whose_call_is_in_doubt_is_not_called_for_in_another_spelling(flow: Flow) -> None:
    add_twin(flow)
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    flow.rev.lines = lambda **_: Listing(())
    first = planned(flow, [SIM])
    flow.lines(first, last_try=True)
    end(flow, first)
    claim = planned(flow, [TWIN])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, end(flow, claim)) == (1, {TWIN: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"})


def test_a_sim_that_another_customer_asks_a_line_for_in_another_spelling_is_refused(flow: Flow) -> None:
    add_twin(flow)
    plan(flow, planned(flow, [SIM]))
    made = flow.create(request([TWIN], RevCustomerId=world.BOREALIS))
    assert flow.codes(made.change_id) == {TWIN: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}


def test_the_line_of_a_sim_stays_its_own_when_its_device_is_spelled_differently(flow: Flow) -> None:
    first = planned(flow, [SIM])
    call(flow, first, plan(flow, first))
    end(flow, first)
    put(flow, "revservice", {"revserviceid": 1001}, isdeleted=1)
    put(flow, "device", {"iccid": SIM}, iccid=TWIN)
    flow.clock.pass_seconds(600)
    claim = planned(flow, [TWIN])
    call(flow, claim, plan(flow, claim))
    assert (end(flow, claim), intents(flow)[-1]) == ({TWIN: "PROCESSED"}, ("ADOPTED", 1001))
    (owner,) = flow.all("device_association", "rev_line_owner")
    assert owner["iccid"] == TWIN


# Ours or somebody else's.


def test_a_line_found_after_a_call_is_ours_only_where_it_is_as_we_sent_it(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [RevioOutcomeUnknown("time-out")], OTHER_SIM: [Committed("time-out")]}
    claim = planned(flow, [SIM, OTHER_SIM])
    slices = plan(flow, claim)
    for number in slices:
        with pytest.raises(StepUnfinished):
            call(flow, claim, [number])
    flow.rev.kept.append(line(88, ACME, SIM, created=flow.clock(), description="made by hand"))
    flow.clock.pass_seconds(30)
    call(flow, claim, slices)
    assert intents(flow) == [("ADOPTED", 88), ("CREATED", 1002)]


def test_a_line_dated_in_the_future_is_never_taken_for_ours(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        call(flow, claim, slices)
    flow.rev.kept[0] = replace(flow.rev.kept[0], created=NOW + timedelta(days=30_000))
    flow.clock.pass_seconds(30)
    call(flow, claim, slices)
    assert intents(flow) == [("ADOPTED", 1001)]


def test_the_mirror_of_an_adopted_line_holds_what_rev_io_shows_and_the_log_names_what_differs(flow: Flow) -> None:
    shown: dict[str, Any] = {
        "provider_id": 77,
        "service_type_id": None,
        "usage_plan_group_id": 5,
        "description": "by hand",
    }
    flow.rev.kept.append(line(5, ACME, SIM, package_id=12, activated=NOW - timedelta(days=30), **shown))
    claim = planned(flow, [SIM], Description="Acme's trucks")
    call(flow, claim, plan(flow, claim))
    (mirror,) = flow.all("dbo", "revservice", revserviceid=5)
    assert (mirror["number"], mirror["number2"], mirror["description"]) == (None, SIM, "by hand")
    assert (mirror["revproviderid"], mirror["revservicetypeid"], mirror["revusageplangroupid"]) == (77, None, 5)
    assert mirror["activateddate"] == NOW - timedelta(days=30)
    assert "package_id 12 instead of none" in log_text(flow, claim)
    assert "description by hand instead of Acme's trucks" in log_text(flow, claim)


def test_the_line_of_an_earlier_change_with_another_package_is_adopted_and_that_is_logged(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [Committed("time-out")]}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    first = planned(flow, [SIM], RevPackageId=world.PACKAGE)
    flow.lines(first, last_try=True)
    assert end(flow, first) == {SIM: "REV_OUTCOME_UNKNOWN"}
    flow.rev.lines = shown
    flow.clock.pass_seconds(600)
    later = planned(flow, [SIM])
    flow.lines(later)
    assert (flow.rev.posts, intents(flow), end(flow, later)) == (1, [("ADOPTED", 1001)], {SIM: "PROCESSED"})
    assert f"package_id {world.PACKAGE} instead of none" in log_text(flow, later)


def test_an_answer_that_names_another_sim_s_line_leaves_the_call_in_doubt(flow: Flow) -> None:
    first = planned(flow, [SIM])
    flow.lines(first)
    assert end(flow, first) == {SIM: "PROCESSED"}
    flow.rev.create_line = lambda _: 1001
    claim = planned(flow, [OTHER_SIM])
    flow.lines(claim, last_try=True)
    assert intents(flow) == [("CREATED", 1001), ("UNKNOWN", None)]
    assert end(flow, claim) == {OTHER_SIM: "REV_OUTCOME_UNKNOWN"}


def test_an_answer_that_comes_when_a_request_with_another_package_has_the_call_is_logged(flow: Flow) -> None:
    create = flow.rev.create_line
    later: list[tuple[Any, list[int]]] = []

    def answer_late(body: dict[str, Any]) -> int:
        number = create(body)
        assert end(flow, first) == {SIM: "REV_OUTCOME_UNKNOWN"}
        claim = planned(flow, [SIM])
        later.append((claim, plan(flow, claim)))
        return number

    flow.rev.create_line = answer_late
    first = planned(flow, [SIM], RevPackageId=world.PACKAGE)
    with suppress(ClaimLost):
        call(flow, first, plan(flow, first))
    ((claim, slices),) = later
    call(flow, claim, slices)
    assert (flow.rev.posts, intents(flow), end(flow, claim)) == (1, [("CREATED", 1001)], {SIM: "PROCESSED"})
    assert f"package_id {world.PACKAGE} instead of none" in log_text(flow, claim)


def test_a_line_that_was_known_before_the_call_is_never_taken_for_ours(flow: Flow) -> None:
    claim = planned(flow, [SIM])
    flow.rev.kept.append(line(5, ACME, SIM, ends=NOW - timedelta(days=1)))
    flow.rev.refusing = {SIM: [RevioOutcomeUnknown("time-out")]}
    slices = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        call(flow, claim, slices)
    flow.rev.kept[0] = replace(flow.rev.kept[0], disconnected=None, created=flow.clock())
    flow.clock.pass_seconds(30)
    call(flow, claim, slices)
    assert intents(flow) == [("ADOPTED", 5)]


@pytest.mark.parametrize("number", ["4_711", "+4711", " 4711", "٤٧١١", "4711.0", "04711", "0", "99999999999", ""])
def test_a_customer_number_that_rev_io_cannot_have_given_is_refused_by_name(number: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not a number that Rev\.io gives its customers"):
        customer_number(number)


# Filters that are ignored, or answered with nothing; per-SIM look-ups.


class Shifting(Watched):
    """Shows a customer's list that is another one in each pass, without the line that slips through."""

    def lines(self, **filters: Any) -> Listing:
        found = super().lines(**filters)
        slipped = tuple(line for line in found if line.service_id != 5)
        return Listing(slipped, is_stable=False) if "customer_id" in filters else found


def test_a_list_that_shifts_in_each_pass_lets_each_sim_be_looked_up(flow: Flow) -> None:
    rev = flow.rev = Shifting()
    rev.kept.append(line(4, BOREALIS, "8914800000000000012", msisdn="5550100123"))
    plan(flow, planned(flow, [PLAIN[2]]))
    flow.clock.pass_seconds(600)
    rev.kept.append(line(5, ACME, SIM, created=NOW - timedelta(days=99)))
    claim = planned(flow, [SIM, OTHER_SIM])
    call(flow, claim, plan(flow, claim))
    found = {one["iccid"]: (one["state"], one["revserviceid"]) for one in flow.all("device_association", "line_intent")}
    assert (found[SIM], found[OTHER_SIM]) == (("ADOPTED", 5), ("CREATED", 1001))


def test_a_list_that_shifts_in_an_account_without_filters_that_work_stops_the_plan(flow: Flow) -> None:
    rev = flow.rev = Shifting()
    rev.empty = {"number", "number2"}
    rev.kept.append(line(4, BOREALIS, "8914800000000000012", msisdn="5550100123"))
    plan(flow, planned(flow, [PLAIN[2]]))
    flow.clock.pass_seconds(600)
    with pytest.raises(RevioRetryable, match="shifts each time"):
        plan(flow, planned(flow, [SIM]))


def with_many_lines(flow: Flow, rev: Watched, customer: int = ACME, how_many: int = 1100) -> None:
    rev.kept += [line(10_000 + n, customer, f"89{n:017}", msisdn=f"555{n:07}") for n in range(how_many)]
    flow.rev = rev


def test_one_sim_of_a_customer_with_many_lines_is_looked_up_by_its_iccid(flow: Flow) -> None:
    rev = Watched()
    with_many_lines(flow, rev)
    for iccid, filters in ((PLAIN[2], []), (OTHER_SIM, ["number2", "number", "number2"]), (SIM, ["number2"])):
        rev.asked.clear()
        claim = planned(flow, [iccid])
        call(flow, claim, plan(flow, claim))
        assert [name for asked in rev.asked for name in asked] == filters, "a control once an hour, then one look-up"
        assert end(flow, claim) == {iccid: "PROCESSED"}


@pytest.mark.parametrize("broken", ["number2", "number"])
@pytest.mark.parametrize("manner", ["ignored", "empty", "refused"])
def test_a_filter_on_numbers_that_does_not_work_is_not_relied_on(flow: Flow, broken: str, manner: str) -> None:
    rev = Watched()
    with_many_lines(flow, rev)
    getattr(rev, manner).add(broken)
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    assert rev.asked[-1].keys() <= {"customer_id", "number", "number2"}
    rev.kept.append(line(5, ACME, SIM, created=NOW))
    flow.clock.pass_seconds(600)
    call(flow, claim, slices)
    assert (rev.posts, intents(flow)) == (0, [("ADOPTED", 5)])


def test_a_look_up_that_is_refused_for_one_sim_lets_its_customer_s_list_be_read(flow: Flow) -> None:
    rev = Watched()
    with_many_lines(flow, rev)
    assert flow.run(request([OTHER_SIM])).codes == {"PROCESSED": 1}, "the filters work"
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    rev.kept.append(line(5, ACME, SIM, created=NOW - timedelta(days=99)))
    rev.refused = {"number2"}
    rev.asked.clear()
    call(flow, claim, slices)
    assert [set(filters) for filters in rev.asked] == [{"number2"}, {"customer_id"}]
    assert (rev.posts, intents(flow)[-1]) == (1, ("ADOPTED", 5))


def test_an_account_whose_every_list_is_refused_ends_no_try_of_a_slice(flow: Flow) -> None:
    one_slice = {"max_mapped_tasks": 1, "min_slice_devices": 300, "rev_lease_seconds": 900}
    flow.settings = settings(**one_slice).model_copy(update={"rev_concurrency": 1})
    rev = flow.rev = Watched()
    rev.kept.append(line(5, ACME, "a SIM of nobody's"))
    claim = planned(flow, PLAIN[:4])
    slices = plan(flow, claim)
    usual = rev.create_line

    def create_line(body: dict[str, Any]) -> int:
        flow.clock.pass_seconds(600)
        rev.lines = refused  # type: ignore[method-assign]
        return usual(body)

    def refused(**_: Any) -> Listing:
        raise RevioRejected("GET /v1/Services was answered 404", status=404)

    rev.create_line = create_line  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(StepUnfinished, match="devices are not settled"):
            call(flow, claim, slices)


def test_an_odd_spelling_anywhere_in_the_account_lets_whole_lists_be_read(flow: Flow) -> None:
    rev = Watched()
    rev.kept.append(line(5, BOREALIS, "8914800000000000012F"))
    with_many_lines(flow, rev)
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    plan(flow, planned(flow, [SIM]))
    assert [set(filters) for filters in rev.asked] == [set(), {"created_date_start"}, {"customer_id"}]


@pytest.mark.parametrize("manner", ["ignored", "empty", "refused"])
@pytest.mark.parametrize("broken", ["customer_id", "created_date_start"])
def test_a_filter_that_is_ignored_or_answers_nothing_hides_no_line(flow: Flow, broken: str, manner: str) -> None:
    rev = flow.rev = Watched()
    rev.kept += [line(4, ACME, "a SIM of nobody's"), line(5, ACME, SIM)]
    getattr(rev, manner).add(broken)
    claim = planned(flow, [SIM, OTHER_SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(TWO_HOURS)
    rev.kept.append(line(6, BOREALIS, OTHER_SIM, created=flow.clock()))
    call(flow, claim, slices)
    assert rev.posts == 0
    assert end(flow, claim) == {SIM: "PROCESSED", OTHER_SIM: "REV_LINE_OF_OTHER_CUSTOMER"}


# Lists and filters that show less than there is.


class ShiftingAccount(Watched):
    """The list of all lines shifts in each pass, and lacks line 5."""

    def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
        found = super().lines(**filters)
        if filters:
            return found
        return Listing(tuple(one for one in found if one.service_id != 5), is_stable=False)


def test_an_account_whose_list_shifts_counts_as_not_listed(flow: Flow) -> None:
    flow.rev = ShiftingAccount()
    flow.rev.kept += [line(4, BOREALIS, "8914800000000000012", msisdn="5550100123"), line(5, ACME, SIM)]
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (flow.rev.posts, intents(flow)) == (0, [("ADOPTED", 5)])


@pytest.mark.parametrize("waits", [0.0, TWO_HOURS])
def test_a_line_of_another_customer_that_no_pass_of_the_account_s_list_shows_is_never_doubled(
    flow: Flow, waits: float
) -> None:
    flow.rev = ShiftingAccount()
    newest = line(4, BOREALIS, "8914800000000000012", msisdn="5550100123", created=NOW - timedelta(days=1))
    flow.rev.kept += [newest, line(5, BOREALIS, SIM)]
    claim = planned(flow, [SIM, OTHER_SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(waits)
    call(flow, claim, slices)
    assert (flow.rev.posts, end(flow, claim)) == (1, {SIM: "REV_LINE_OF_OTHER_CUSTOMER", OTHER_SIM: "PROCESSED"})


def test_a_look_up_that_shifts_proves_no_absence(flow: Flow) -> None:
    class Shifts(Watched):
        shifts = False

        def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
            found = super().lines(**filters)
            return Listing((), is_stable=False) if self.shifts and "number2" in filters else found

    rev = Shifts()
    with_many_lines(flow, rev)
    assert flow.run(request([OTHER_SIM])).codes == {"PROCESSED": 1}, "the filters work"
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    rev.kept.append(line(5, ACME, SIM, created=NOW - timedelta(days=99)))
    rev.shifts = True
    call(flow, claim, slices)
    assert (rev.posts, intents(flow)[-1]) == (1, ("ADOPTED", 5))


def test_a_look_up_that_shifts_forgets_no_record_that_cannot_be_judged(flow: Flow) -> None:
    class Shifts(Watched):
        shifts = False

        def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
            found = super().lines(**filters)
            return Listing((), is_stable=False) if self.shifts and "number2" in filters else found

    rev = flow.rev = Shifts()
    rev.kept += [
        line(4, BOREALIS, "8914800000000000012", msisdn="5550100123"),
        Line(None, BOREALIS, None, SIM, None, None),
    ]
    for shifts in (False, True):
        rev.shifts = shifts
        claim = planned(flow, [SIM])
        call(flow, claim, plan(flow, claim))
        assert (rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_AMBIGUOUS"})


def test_an_account_whose_list_shifts_is_not_listed_again_and_again(flow: Flow) -> None:
    rev = flow.rev = ShiftingAccount()
    rev.kept += [line(4, BOREALIS, "8914800000000000012", msisdn="5550100123"), line(6, ACME, "8914800000000000020")]
    for iccid in PLAIN[:3]:
        claim = planned(flow, [iccid])
        call(flow, claim, plan(flow, claim))
        assert end(flow, claim) == {iccid: "PROCESSED"}
        flow.clock.pass_seconds(600)
    assert rev.asked.count({}) == 1


@pytest.mark.parametrize("known", [ACME, BOREALIS])
def test_a_filter_on_customers_that_answers_nothing_hides_no_line_that_got_the_sim_or_the_customer(
    flow: Flow, known: int
) -> None:
    """The newest line that was the customer's has moved, or none was known of this customer."""
    rev = flow.rev = Watched()
    rev.kept += [line(number, known, f"891480000000000{number:04}", msisdn=f"555010000{number}") for number in (4, 6)]
    rev.kept.append(line(7, BOREALIS, "8914800000000000038", msisdn="5550100007", created=NOW - timedelta(days=1)))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    rev.empty.add("customer_id")
    rev.kept[0] = replace(rev.kept[0], number2=SIM, customer_id=ACME)
    rev.kept[1] = replace(rev.kept[1], customer_id=BOREALIS)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 4))


def test_a_record_without_a_customer_is_nobody_s_where_the_filter_may_be_ignored(flow: Flow) -> None:
    rev = flow.rev = Watched()
    rev.kept += [
        line(4, ACME, "8914800000000000012", created=NOW - timedelta(days=1)),
        line(5, None, "8914800000000000020"),
    ]
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    rev.ignored.add("customer_id")
    rev.kept[1] = replace(rev.kept[1], number2=SIM)
    claim = planned(flow, [SIM])
    call(flow, claim, plan(flow, claim))
    assert (rev.posts, end(flow, claim)) == (0, {SIM: "REV_LINE_AMBIGUOUS"})


@pytest.mark.parametrize("waits", [False, True])
def test_a_record_without_a_customer_is_the_customer_s_whose_own_list_shows_it_wherever_else_it_stands(
    flow: Flow, waits: bool
) -> None:
    class Own(Rev):
        def lines(self, **filters: Any) -> Listing:
            found = super().lines(**filters)
            return Listing((*found, nobodys) if filters.get("customer_id") == ACME else tuple(found))

    nobodys = line(5, None, SIM, created=NOW)
    flow.rev = Own([line(4, BOREALIS, "8914800000000000012", msisdn="5550100004"), nobodys])
    if waits:
        plan(flow, planned(flow, [OTHER_SIM]))
        flow.clock.pass_seconds(600)
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(600 if waits else 0)
    call(flow, claim, slices)
    assert (flow.rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 5))


# What the sweep turns down.


def test_a_row_whose_call_is_in_doubt_is_brought_to_its_end_whatever_another_account_shows_meanwhile(
    flow: Flow,
) -> None:
    sim = groups().inherited[0]
    flow.rev.refusing = {sim: [RevioOutcomeUnknown("time-out")]}
    claim = planned(flow, [sim])
    slices = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        call(flow, claim, slices)
    shown = [line(5, int(world.GULF), sim)]
    with flow.portal.begin() as connection:
        snapshot.keep_lines(connection, shown, account_id=world.SECOND_ACCOUNT, listed=NOW, shown=NOW)
    flow.check(claim)
    assert plan(flow, claim) == slices
    assert intents(flow) == [("UNKNOWN", None)]
    flow.clock.pass_seconds(600)
    call(flow, claim, slices)
    assert (flow.rev.posts, end(flow, claim)) == (1, {sim: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"})
    assert intents(flow) == [("REJECTED", None)]


def ended_unknown(flow: Flow, sim: str) -> Any:
    flow.rev.refusing = {sim: [RevioOutcomeUnknown("time-out")]}
    claim = planned(flow, [sim])
    for number in plan(flow, claim):
        line_creation.create_rev_services(flow.context(claim), number, last_try=True)
    assert end(flow, claim) == {sim: "REV_OUTCOME_UNKNOWN"}
    flow.clock.pass_seconds(600)
    return claim


def test_a_line_of_another_sim_that_the_sweep_turns_down_is_reported(flow: Flow) -> None:
    first = planned(flow, [OTHER_SIM])
    call(flow, first, plan(flow, first))
    end(flow, first)
    ended_unknown(flow, SIM)
    flow.rev.kept[0] = replace(flow.rev.kept[0], number2=SIM, number="15550000001")
    settle(flow)
    (found,) = [one for one in flow.all("device_association", "finding") if one["closeddate"] is None]
    assert (found["kind"], found["iccid"]) == ("OUTCOME_AMBIGUOUS", SIM)
    assert intents(flow)[-1][0] == "REJECTED"


def test_a_sim_that_a_slice_turns_down_when_its_row_has_ended_is_reported(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [RevioOutcomeUnknown("time-out")]}
    claim = planned(flow, [SIM])
    (number,) = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    flow.clock.pass_seconds(600)
    flow.rev.kept += [line(5, ACME, SIM), line(6, ACME, SIM)]
    shown = flow.rev.lines

    def while_it_is_read(**filters: Any) -> Listing:
        rows = flow.table("dbo", "m2m_devicechange")
        with flow.portal.begin() as connection:
            ended = {"isprocessed": 1, "haserrors": 1, "status": "ERROR", "errorcode": "BY_HAND", "processeddate": NOW}
            connection.execute(update(rows).values(**ended, statusdetails="BY_HAND", processedby="somebody"))
        return shown(**filters)

    flow.rev.lines = while_it_is_read
    line_creation.create_rev_services(flow.context(claim), number, last_try=False)
    (found,) = flow.all("device_association", "finding")
    assert (found["kind"], found["iccid"]) == ("OUTCOME_AMBIGUOUS", SIM)
    assert (intents(flow), flow.codes(claim.bulk_change_id)) == ([("REJECTED", None)], {SIM: "BY_HAND"})


def test_a_sim_that_the_sweep_turns_down_gets_no_line_in_another_account(flow: Flow) -> None:
    sim = groups().inherited[0]
    flow.rev.kept.append(line(4, BOREALIS, "a SIM of nobody's", created=NOW - timedelta(days=1)))
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    ended_unknown(flow, sim)
    older = NOW - timedelta(days=99)
    flow.rev.kept += [line(number, ACME, sim, created=older) for number in (5, 6)]
    assert settle(flow)["ambiguous"] == 1
    again = flow.create(request([sim], RevCustomerId=world.GULF), user="finn.fleet").change_id
    assert flow.codes(again) == {sim: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}


# What was looked at lately is old again when its turn comes.


def listed_long_ago(flow: Flow) -> tuple[Any, list[int]]:
    """Return a change whose SIM has line 5 in a list that was read two hours ago, and its slices."""
    other = line(4, BOREALIS, "8914800000000000020", created=NOW - timedelta(days=1))
    flow.rev.kept += [other, line(5, ACME, SIM)]
    plan(flow, planned(flow, [OTHER_SIM]))
    flow.clock.pass_seconds(600)
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(TWO_HOURS)
    return claim, slices


@pytest.mark.parametrize(
    ("became", "posts", "code"),
    [
        ({"customer_id": BOREALIS}, 0, "REV_LINE_OF_OTHER_CUSTOMER"),
        ({"disconnected": NOW + timedelta(seconds=60)}, 1, "PROCESSED"),
        ({"number2": "8914800000000000012"}, 1, "PROCESSED"),
    ],
)
def test_a_listed_line_that_was_moved_ended_or_swapped_while_the_change_waited_is_not_adopted(
    flow: Flow, became: dict[str, Any], posts: int, code: str
) -> None:
    claim, slices = listed_long_ago(flow)
    flow.rev.kept[1] = replace(flow.rev.kept[1], **became)
    call(flow, claim, slices)
    assert ("ADOPTED", 5) not in intents(flow)
    assert (flow.rev.posts, end(flow, claim)) == (posts, {SIM: code})


def test_a_listed_line_that_is_as_it_was_is_adopted_after_the_wait(flow: Flow) -> None:
    claim, slices = listed_long_ago(flow)
    call(flow, claim, slices)
    assert (flow.rev.posts, intents(flow)[-1]) == (0, ("ADOPTED", 5))


def test_a_call_that_waited_behind_slow_ones_is_not_sent_when_its_look_is_a_minute_old(flow: Flow) -> None:
    limits = settings(max_mapped_tasks=1, min_slice_devices=50)
    flow.settings = limits.model_copy(update={"rev_concurrency": 1})
    post, ages = flow.rev.create_line, []
    flow.rev.kept.append(line(4, BOREALIS, "8914800000000000012"))

    def slow(body: dict[str, Any]) -> int:
        (intent,) = flow.all("device_association", "line_intent", iccid=body["number2"])
        ages.append(flow.clock() - intent["lookeddate"])
        flow.clock.pass_seconds(35)
        return post(body)

    flow.rev.create_line = slow
    claim = planned(flow, PLAIN[:4])
    slices = plan(flow, claim)
    flow.clock.pass_seconds(48)
    for _ in range(4):
        try:
            call(flow, claim, slices)
        except StepUnfinished:
            continue
    assert max(ages) <= timedelta(seconds=60)
    assert set(end(flow, claim).values()) == {"PROCESSED"}


def test_a_line_that_a_person_made_hours_after_our_call_is_never_taken_for_ours(flow: Flow) -> None:
    flow.rev.refusing = {SIM: [RevioOutcomeUnknown("time-out")]}
    claim = planned(flow, [SIM])
    slices = plan(flow, claim)
    with pytest.raises(StepUnfinished):
        call(flow, claim, slices)
    body = json.loads(flow.all("device_association", "line_intent")[0]["calledbody"])
    body["activated_date"] = body["activated_date"] and date.fromisoformat(body["activated_date"][:10])
    flow.clock.pass_seconds(5 * 3600)
    flow.rev.kept.append(line_from(88, body, flow.clock()))
    flow.clock.pass_seconds(30)
    call(flow, claim, slices)
    assert intents(flow) == [("ADOPTED", 88)]


# A line that an earlier try settled.


@pytest.mark.parametrize(
    ("became", "code"),
    [
        ({"customer_id": BOREALIS}, "REV_LINE_OF_OTHER_CUSTOMER"),
        ({"number2": "8914800000000000012", "number": "15550009999"}, "REV_LINE_AMBIGUOUS"),
    ],
)
@pytest.mark.parametrize("products", [{}, {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}])
def test_a_retry_trusts_no_line_that_was_moved_or_swapped_since(
    flow: Flow, became: dict[str, Any], code: str, products: dict[str, Any]
) -> None:
    flow.rev.refusing_products = [RevioRejected("no such product", status=400)] if products else []
    claim = planned(flow, [SIM], **products)
    call(flow, claim, plan(flow, claim))
    flow.close(claim, ["associate_devices"])
    flow.rev.kept[0] = replace(flow.rev.kept[0], **became)
    flow.clock.pass_seconds(TWO_HOURS)
    again = retried(flow, claim.bulk_change_id)
    call(flow, again, plan(flow, again))
    assert end(flow, again) == {SIM: code}
    assert (flow.rev.posts, flow.rev.products_kept) == (1, [])


class Waiting:
    """A budget that lets a call wait for two hours, in which a person moves the newest line."""

    is_broken = False

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def wait_for_call(self) -> None:
        self._flow.clock.pass_seconds(TWO_HOURS)
        self._flow.rev.kept[-1] = replace(self._flow.rev.kept[-1], customer_id=BOREALIS)


def with_waits(flow: Flow, claim: Any) -> None:
    context = replace(flow.context(claim), budgets=lambda _: cast(Any, Waiting(flow)))
    for number in plan(flow, claim):
        with suppress(StepUnfinished, RevioRetryable):
            line_creation.create_rev_services(context, number, last_try=True)


def test_no_product_is_added_to_a_line_that_was_moved_while_its_call_waited(flow: Flow) -> None:
    flow.rev.kept.append(line(5, ACME, SIM))
    claim = planned(flow, [SIM], RevProductIdList=[world.PRODUCT], RateList=["4.50"])
    with_waits(flow, claim)
    assert flow.rev.products_kept == []
    assert end(flow, claim) == {SIM: "REV_PRODUCT_FAILED"}


def test_no_product_is_ended_of_a_line_that_was_moved_while_its_call_waited(flow: Flow) -> None:
    claim = planned(flow, [SIM], RevProductIdList=[world.PRODUCT], RateList=["4.50"])
    call(flow, claim, plan(flow, claim))
    assert end(flow, claim) == {SIM: "PROCESSED"}
    flow.clock.pass_seconds(600)
    back = revert_change(flow.portal, person(flow), claim.bulk_change_id, reason="back", now=flow.clock()).change_id
    taken = flow.open(back, "revert")
    flow.check(taken)
    with_waits(flow, taken)
    assert (flow.rev.product_ends, flow.rev.ends) == ([], [])


def person(flow: Flow) -> PortalUser:
    with flow.portal.connect() as connection:
        return find_caller(connection, "dora.ops")


def retried(flow: Flow, change_id: int) -> Any:
    retry_change(flow.portal, person(flow), change_id, reason="again", now=flow.clock())
    claim = flow.open(change_id, "second run")
    flow.check(claim)
    return claim

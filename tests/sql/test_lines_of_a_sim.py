"""Which lines of the mirror are a SIM's, in every spelling: validation, begin of a call, links, reconciliation agree."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import and_, insert, select, update

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import run
from device_association.domain.sim_numbers import BLANKS, iccid_digits, iccid_keys, luhn_digit, msisdn_key
from device_association.reconciliation.accounts import FIRST, LAST
from device_association.requests import validate
from device_association.revio.lines import line_of
from device_association.service_lines import create, plan
from device_association.service_lines.journal.calls import begin_calls
from device_association.service_lines.lookups.snapshot import keep_lines
from local.sample_data import world
from local.sample_data.portal_tables import named
from tests.flow import NOW, Flow, request

OTHER_SIM = world.iccid(900_050)
"""A SIM that no device has."""


@dataclass(frozen=True)
class Spelling:
    """How a device and a line are written, and whether the line is the device's."""

    name: str
    is_its: bool
    number: str | None = None
    number2: str | None = None
    iccid: str = "{sim}"
    msisdn: str = "1555{local}"
    is_linked: bool = False

    def write(self, text: str | None, device: int) -> str | None:
        """Return a text for the device with this number."""
        sim = world.iccid(device)
        parts = {"sim": sim, "check": luhn_digit(sim), "wrong": "1" if luhn_digit(sim) != "1" else "2"}
        return text and text.format(**parts, local=f"{device:07d}", a=sim[:4], b=sim[4:9], c=sim[9:], other=OTHER_SIM)

    def line(self, device: int) -> dict[str, Any]:
        return {"number": self.write(self.number, device), "number2": self.write(self.number2, device)}

    def device(self, device: int) -> dict[str, Any]:
        return {"iccid": self.write(self.iccid, device), "msisdn": self.write(self.msisdn, device)}


SPELLINGS = (
    Spelling("as it stands", True, number2="{sim}"),
    Spelling("a trailing F", True, number2="{sim}F"),
    Spelling("a trailing f behind a blank", True, number2="{sim} f"),
    Spelling("two trailing F", False, number2="{sim}FF"),
    Spelling("hyphens", True, number2="{a}-{b}-{c}"),
    Spelling("blanks around and inside", True, number2=" {a} {b}\t{c}\u00a0"),
    Spelling("any other sign", False, number2="{a}/{b}/{c}"),
    Spelling("20 digits for 19", True, number2="{sim}{check}"),
    Spelling("20 digits and an F for 19", True, number2="{sim}{check}F"),
    Spelling("20 digits with a wrong Luhn digit", False, number2="{sim}{wrong}"),
    Spelling("19 digits for 20", True, number2="{sim}", iccid="{sim}{check}"),
    Spelling("19 digits with hyphens for 20", True, number2="{a}-{b}{c}", iccid="{sim}{check}"),
    Spelling("19 digits for 20 with a wrong Luhn digit", False, number2="{sim}", iccid="{sim}{wrong}"),
    Spelling("20 digits with a wrong Luhn digit, as the device", True, number2="{sim}{wrong}", iccid="{sim}{wrong}"),
    Spelling("a part of it", False, number2="{c}"),
    Spelling("the number is the ICCID", True, number="{sim}"),
    Spelling("the number is the ICCID beside another SIM", True, number="{sim}", number2="{other}"),
    Spelling("the number is the ICCID with hyphens and an F", True, number="{a}-{b}-{c}F"),
    Spelling("the number is the ICCID with 20 digits", True, number="{sim}{check}"),
    Spelling("the number is the ICCID behind a plus", False, number="+{sim}"),
    Spelling("the MSISDN as it stands", True, number="1555{local}"),
    Spelling("the MSISDN without its 1", True, number="555{local}"),
    Spelling("the MSISDN with a 1 that the device lacks", True, number="1555{local}", msisdn="555{local}"),
    Spelling("the MSISDN as people write it", True, number="+1 (555) {local}"),
    Spelling("the MSISDN as people write the device's", True, number="1555{local}", msisdn="+1-555-{local}"),
    Spelling("the MSISDN between marks of direction", True, number="\u202d1 555 {local}\u202c"),
    Spelling("the MSISDN with another country's code", False, number="44555{local}"),
    Spelling("the MSISDN, and number2 is empty", True, number="1555{local}", number2=""),
    Spelling("the MSISDN, and number2 is blank", True, number="1555{local}", number2=" \t\u00a0"),
    Spelling("the MSISDN with signs, and number2 is blank", True, number="+1555{local}", number2="  "),
    Spelling("the MSISDN with another SIM", False, number="1555{local}", number2="{other}"),
    Spelling("the MSISDN with signs and another SIM", False, number="+1 555 {local}", number2="{other}"),
    Spelling("the MSISDN with a word for the SIM", False, number="1555{local}", number2="unknown"),
    Spelling("nothing at all", False),
    Spelling("linked, and written as nothing", True, is_linked=True),
    Spelling("linked, and written as another SIM", True, number="+1 666 {local}", number2="{other}", is_linked=True),
)
ITS = {one.name for one in SPELLINGS if one.is_its}
BY_ITS_NUMBERS = {one.name for one in SPELLINGS if one.is_its and not one.is_linked}


@dataclass
class Fleet:
    """A device for each spelling, and what the mirror and Rev.io know of it."""

    flow: Flow

    @property
    def devices(self) -> dict[int, Spelling]:
        return dict(enumerate(SPELLINGS, start=1))

    def write_devices(self) -> list[str]:
        """Write the devices as each spelling has them; return their ICCIDs."""
        table = named("dbo.device", "id", "iccid", "msisdn")
        with self.flow.portal.begin() as connection:
            for number, spelling in self.devices.items():
                connection.execute(update(table).where(table.c.id == number).values(**spelling.device(number)))
        return [spelling.device(number)["iccid"] for number, spelling in self.devices.items()]

    def write_lines(self, customer: str, **more: Any) -> None:
        """Write a line of a customer for each device, linked where the spelling says so."""
        with self.flow.portal.begin() as connection:
            for number, spelling in self.devices.items():
                line = {
                    "revserviceid": 90_000 + number,
                    "revcustomerid": world.customer_id(customer),
                    "integrationauthenticationid": world.ACCOUNT,
                    "activateddate": NOW - timedelta(days=9),
                    **spelling.line(number),
                    **more,
                }
                connection.execute(insert(named("dbo.revservice", *line)).values(**line))
        for number, spelling in self.devices.items():
            if spelling.is_linked:
                self.link(number, self.line_of(number))

    def show_lines(self, account: int, **more: Any) -> None:
        """Let an account have shown a line for each device that is not in the mirror."""
        about = {"customer_id": 9999, "created_date": NOW.isoformat()} | more
        shown = [
            line_of({"service_id": 90_000 + number, **about, **spelling.line(number)})
            for number, spelling in self.devices.items()
        ]
        with self.flow.portal.begin() as connection:
            keep_lines(connection, shown, account_id=account, listed=NOW, shown=NOW)

    def link(self, number: int, line: int | None) -> None:
        table = named("dbo.device_tenant", "deviceid", "revserviceid")
        with self.flow.portal.begin() as connection:
            connection.execute(update(table).where(table.c.deviceid == number).values(revserviceid=line))

    def rewrite_created(self, change: int) -> dict[int, int]:
        """Write the lines that a change created as each spelling has them; return each device's line."""
        table, lines = named("dbo.revservice", "id", "number", "number2"), {}
        for intent in self.flow.all("device_association", "line_intent", bulkchangeid=change):
            number = intent["deviceid"]
            (line,) = self.flow.all("dbo", "revservice", revserviceid=intent["revserviceid"])
            lines[number] = int(line["id"])
            with self.flow.portal.begin() as connection:
                values = self.devices[number].line(number)
                connection.execute(update(table).where(table.c.id == lines[number]).values(**values))
        return lines

    def line_of(self, number: int) -> int:
        return int(self.flow.all("dbo", "revservice", revserviceid=90_000 + number)[0]["id"])

    def names(self, numbers: Iterable[int]) -> set[str]:
        return {self.devices[number].name for number in numbers}

    def by_code(self, change: int) -> dict[str, set[str]]:
        """Return the names of the spellings by the code of their device."""
        found: dict[str, set[str]] = {}
        for one in self.flow.all("dbo", "m2m_devicechange", bulkchangeid=change):
            found.setdefault(one["errorcode"] or one["status"], set()).add(self.devices[one["deviceid"]].name)
        return found

    def find(self, statement: str) -> list[tuple[str, dict[str, Any]]]:
        """Return each difference of the account that a statement of the reconciliation finds, by its kind."""
        about = {"account_id": world.ACCOUNT, "listed": NOW, "now": NOW, "since": FIRST, "until": LAST}
        more = {"after": 0, "limit": 4000} if "/list_" in statement else {}
        with self.flow.portal.connect() as connection:
            return [(one["kind"], dict(one)) for one in run(connection, statement, **about, **more).mappings()]

    def lines_found(self, statement: str, kind: str) -> set[str]:
        places = (one["service_id"] - 90_000 for said, one in self.find(statement) if said == kind)
        return self.names(place for place in places if place in self.devices)


@pytest.fixture
def fleet(flow: Flow) -> Fleet:
    return Fleet(flow)


def test_a_line_of_another_customer_refuses_the_device_in_every_spelling(fleet: Fleet) -> None:
    sims = fleet.write_devices()
    fleet.write_lines(world.BOREALIS)
    for asks_line in (True, False):
        found = fleet.by_code(fleet.flow.create(request(sims, CreateRevService=asks_line)).change_id)
        assert found.pop("DEVICE_ASSIGNED_TO_OTHER_CUSTOMER") == ITS
        assert set().union(*found.values()) == {one.name for one in SPELLINGS} - ITS
        break_holds(fleet.flow)


def test_a_line_of_this_customer_refuses_a_second_one_in_every_spelling(fleet: Fleet) -> None:
    sims = fleet.write_devices()
    fleet.write_lines(world.ACME)
    found = fleet.by_code(fleet.flow.create(request(sims)).change_id)
    assert found.pop("DEVICE_HAS_ACTIVE_SERVICE") == ITS
    assert found == {"NEW": {one.name for one in SPELLINGS} - ITS}
    break_holds(fleet.flow)
    assert set(fleet.by_code(fleet.flow.create(request(sims, CreateRevService=False)).change_id)) == {"NEW"}


def test_a_line_of_the_past_stands_in_nobody_s_way(fleet: Fleet) -> None:
    sims = fleet.write_devices()
    fleet.write_lines(world.BOREALIS, disconnecteddate=NOW - timedelta(days=1))
    assert set(fleet.by_code(fleet.flow.create(request(sims)).change_id)) == {"NEW"}


def test_a_line_that_appears_before_the_call_stops_it_in_every_spelling(fleet: Fleet) -> None:
    claim = planned(fleet)
    fleet.write_lines(world.BOREALIS)
    begin_all(fleet, claim, billed=ITS, said="line {line} is active for this SIM")


def test_a_line_of_another_account_that_the_mirror_lacks_refuses_the_device_in_every_spelling(fleet: Fleet) -> None:
    """The own account is looked at before each call; of the others there is only what they have shown."""
    sims = fleet.write_devices()
    fleet.show_lines(world.SECOND_ACCOUNT)
    for asks_line in (True, False):
        found = fleet.by_code(fleet.flow.create(request(sims, CreateRevService=asks_line)).change_id)
        assert found.pop("DEVICE_ASSIGNED_TO_OTHER_CUSTOMER") == BY_ITS_NUMBERS
        assert set().union(*found.values()) == {one.name for one in SPELLINGS} - BY_ITS_NUMBERS
        break_holds(fleet.flow)


def test_a_line_that_the_own_account_shows_refuses_only_who_asks_for_no_line_of_his_own(fleet: Fleet) -> None:
    """Before a call the account is looked at, which finds out whose the line is now."""
    sims = fleet.write_devices()
    fleet.show_lines(world.ACCOUNT)
    assert set(fleet.by_code(fleet.flow.create(request(sims)).change_id)) == {"NEW"}
    break_holds(fleet.flow)
    found = fleet.by_code(fleet.flow.create(request(sims, CreateRevService=False)).change_id)
    assert found.pop("DEVICE_ASSIGNED_TO_OTHER_CUSTOMER") == BY_ITS_NUMBERS


@pytest.mark.parametrize(
    ("account", "more"),
    [
        (world.ACCOUNT, {"customer_id": int(world.ACME)}),
        (world.SECOND_ACCOUNT, {"disconnected_date": (NOW - timedelta(days=1)).isoformat()}),
    ],
)
def test_a_line_that_is_shown_as_the_customer_s_own_or_of_the_past_refuses_nobody(
    fleet: Fleet, account: int, more: dict[str, Any]
) -> None:
    sims = fleet.write_devices()
    fleet.show_lines(account, **more)
    assert set(fleet.by_code(fleet.flow.create(request(sims, CreateRevService=False)).change_id)) == {"NEW"}


ENDED = {"disconnecteddate": NOW - timedelta(days=30), "isactive": 0}


@pytest.mark.parametrize("known", [{"isdeleted": 1}, ENDED])
def test_a_line_that_the_mirror_knows_as_gone_and_rev_io_shows_refuses_the_device(
    fleet: Fleet, known: dict[str, Any]
) -> None:
    sims = fleet.write_devices()
    fleet.show_lines(world.SECOND_ACCOUNT)
    written = {"createddate": NOW - timedelta(days=60), "integrationauthenticationid": world.SECOND_ACCOUNT}
    fleet.write_lines(world.BOREALIS, **written, **known)
    found = fleet.by_code(fleet.flow.create(request(sims)).change_id)
    assert found.pop("DEVICE_ASSIGNED_TO_OTHER_CUSTOMER") == BY_ITS_NUMBERS


def test_a_line_that_was_ended_in_the_mirror_since_rev_io_showed_it_refuses_nobody(fleet: Fleet) -> None:
    sims = fleet.write_devices()
    fleet.show_lines(world.SECOND_ACCOUNT)
    written = {"createddate": NOW - timedelta(days=60), "modifieddate": NOW}
    fleet.write_lines(world.BOREALIS, integrationauthenticationid=world.SECOND_ACCOUNT, **written, **ENDED)
    assert set(fleet.by_code(fleet.flow.create(request(sims)).change_id)) == {"NEW"}


def test_a_line_that_another_account_shows_before_the_call_stops_it_in_every_spelling(fleet: Fleet) -> None:
    claim = planned(fleet)
    fleet.show_lines(world.SECOND_ACCOUNT)
    begin_all(
        fleet, claim, billed=BY_ITS_NUMBERS, said="Rev.io shows line {line} of another account as active for this SIM"
    )


UNJUDGED = {
    "no id": lambda sim, **more: {"service_id": None, "number2": sim, **more},
    "a rounded number": lambda sim, **more: {"service_id": 90_001, "number2": float(sim), **more},
    "a number in a list": lambda sim, **more: {"service_id": 90_001, "number2": [sim], **more},
    "no id and a rounded number": lambda sim, **more: {"service_id": None, "number": float(sim), **more},
}
"""Records of an account that carry the digits of a SIM and cannot be judged."""


def show_unjudged(flow: Flow, record: dict[str, Any], account: int) -> None:
    with flow.portal.begin() as connection:
        keep_lines(connection, [line_of({"customer_id": 9999, **record})], account_id=account, listed=NOW, shown=NOW)


@pytest.mark.parametrize("strange", UNJUDGED)
def test_a_record_of_another_account_that_cannot_be_judged_refuses_the_device(flow: Flow, strange: str) -> None:
    sims = [world.iccid(1), world.iccid(2)]
    show_unjudged(flow, UNJUDGED[strange](sims[0]), world.SECOND_ACCOUNT)
    other = "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"
    assert flow.codes(flow.create(request(sims)).change_id)[sims[0]] == other
    break_holds(flow)
    assert flow.codes(flow.create(request(sims, CreateRevService=False)).change_id)[sims[0]] == other


@pytest.mark.parametrize("strange", UNJUDGED)
def test_a_record_of_another_account_that_cannot_be_judged_stops_the_call(flow: Flow, strange: str) -> None:
    claim = flow.open(flow.create(request([world.iccid(1)])).change_id)
    flow.check(claim)
    slices = plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    show_unjudged(flow, UNJUDGED[strange](world.iccid(1)), world.SECOND_ACCOUNT)
    for number in slices:
        create.create_rev_services(flow.context(claim), number, last_try=False)
    assert (flow.rev.posts, set(flow.codes(claim.bulk_change_id).values())) == (
        0,
        {"DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"},
    )
    (refused,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=claim.bulk_change_id)
    assert "a record of another account with this SIM's digits that cannot be judged" in refused["statusdetails"]


@pytest.mark.parametrize("strange", UNJUDGED)
@pytest.mark.parametrize(
    ("account", "sim", "more"),
    [
        (world.SECOND_ACCOUNT, world.iccid(1), {"disconnected_date": (NOW - timedelta(days=1)).isoformat()}),
        (world.SECOND_ACCOUNT, "8999" + world.iccid(1)[4:], {}),
        (world.ACCOUNT, world.iccid(1), {"customer_id": int(world.ACME)}),
    ],
)
def test_a_record_of_the_past_of_another_sim_or_the_customer_s_own_refuses_nobody(
    flow: Flow, strange: str, account: int, sim: str, more: dict[str, Any]
) -> None:
    show_unjudged(flow, UNJUDGED[strange](sim, **more), account)
    change = flow.create(request([world.iccid(1)], CreateRevService=False)).change_id
    assert flow.codes(change) == {world.iccid(1): "NEW"}


def test_a_record_that_was_corrected_refuses_nobody(flow: Flow) -> None:
    show_unjudged(flow, UNJUDGED["no id"](world.iccid(1)), world.SECOND_ACCOUNT)
    with flow.portal.begin() as connection:
        run(connection, "service_lines/delete_unjudged", account_id=world.SECOND_ACCOUNT)
    assert flow.all("device_association", "unjudged_line_key") == []
    assert flow.codes(flow.create(request([world.iccid(1)])).change_id) == {world.iccid(1): "NEW"}


def planned(fleet: Fleet) -> Claim:
    """Return the claim of a change for all devices whose lines are planned."""
    flow = fleet.flow
    claim = flow.open(flow.create(request(fleet.write_devices())).change_id)
    flow.check(claim)
    plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    return claim


def begin_all(fleet: Fleet, claim: Claim, *, billed: set[str], said: str) -> None:
    """Begin the calls of all devices; those of these spellings must not begin, for this reason."""
    flow = fleet.flow
    intents = {
        one["id"]: one["deviceid"]
        for one in flow.all("device_association", "line_intent", bulkchangeid=claim.bulk_change_id)
    }
    begun = begin_calls(flow.context(claim), "revio_northwind", dict.fromkeys(intents))
    assert fleet.names(intents[intent] for intent in begun) == {one.name for one in SPELLINGS} - billed
    for intent, number in intents.items():
        why = [one["reason"] for one in flow.statement("service_lines/find_conflict", intent_id=intent, now=NOW)]
        is_billed = fleet.devices[number].name in billed
        assert why == ([said.format(line=90_000 + number)] if is_billed else []), fleet.devices[number]


def test_a_device_is_linked_to_its_line_in_every_spelling(fleet: Fleet) -> None:
    change = fleet.flow.run(request(fleet.write_devices(), CreateRevService=False)).bulk_change_id
    fleet.write_lines(world.ACME)
    for about in (change, None):
        with fleet.flow.portal.begin() as connection:
            run(connection, "associations/call_update_device_rev_service_links", bulk_change_id=about)
        linked = {one["deviceid"]: one["revserviceid"] for one in fleet.flow.all("dbo", "device_tenant")}
        assert fleet.names(number for number in fleet.devices if linked[number] is not None) == ITS
        assert all(linked[number] in (None, fleet.line_of(number)) for number in fleet.devices)
    assert [one for one in fleet.find("reconciliation/list_link_differences") if one[1]["id"] in fleet.devices] == []


def test_reconciliation_links_a_device_to_its_line_in_every_spelling(fleet: Fleet) -> None:
    fleet.flow.run(request(fleet.write_devices(), CreateRevService=False))
    fleet.write_lines(world.ACME)
    missing = {one["id"] for kind, one in fleet.find("reconciliation/list_link_differences") if kind == "LINK_MISSING"}
    to_link = {one.name for one in SPELLINGS if one.is_its and not one.is_linked}
    assert fleet.names(number for number in fleet.devices if number in missing) == to_link


def test_a_line_that_changed_brings_its_device_into_sight_in_every_spelling(fleet: Fleet) -> None:
    fleet.flow.run(request(fleet.write_devices(), CreateRevService=False))
    table = named("dbo.device_tenant", "createddate", "modifieddate")
    with fleet.flow.portal.begin() as connection:
        connection.execute(update(table).values(createddate=NOW - timedelta(days=99), modifieddate=None))
    fleet.write_lines(world.ACME, createddate=NOW - timedelta(hours=1))
    about = {"account_id": world.ACCOUNT, "listed": LAST, "now": NOW, "after": 0, "limit": 4000}
    about |= {"since": NOW - timedelta(days=1), "until": NOW}
    found = fleet.flow.statement("reconciliation/list_link_differences", **about)
    to_link = {one.name for one in SPELLINGS if one.is_its and not one.is_linked}
    assert fleet.names(one["id"] for one in found if one["id"] in fleet.devices) == to_link


def test_reconciliation_knows_whose_line_it_is_in_every_spelling(fleet: Fleet) -> None:
    fleet.flow.run(request(fleet.write_devices(), CreateRevService=False))
    fleet.write_lines(world.BOREALIS)
    misplaced = "reconciliation/find_misplaced_lines"
    assert fleet.lines_found(misplaced, "LINE_OF_WRONG_CUSTOMER") == ITS
    without = {one.name for one in SPELLINGS if not one.is_its and one.number2}
    assert fleet.lines_found(misplaced, "LINE_WITHOUT_DEVICE") == without
    assert fleet.lines_found("reconciliation/find_double_lines", "TWO_ACTIVE_LINES") == set()


def test_reconciliation_reports_a_line_of_a_customer_that_nobody_knows_in_every_spelling(fleet: Fleet) -> None:
    fleet.write_devices()
    fleet.show_lines(world.ACCOUNT)
    found = fleet.lines_found("reconciliation/find_unknown_customers", "LINE_OF_UNKNOWN_CUSTOMER")
    assert found == BY_ITS_NUMBERS


def test_reconciliation_finds_a_second_line_in_every_spelling(fleet: Fleet) -> None:
    fleet.flow.run(request(fleet.write_devices(), CreateRevService=False))
    fleet.write_lines(world.ACME)
    with fleet.flow.portal.begin() as connection:
        for number, spelling in fleet.devices.items():
            line = {"revserviceid": 80_000 + number, "number2": spelling.device(number)["iccid"]}
            line |= {"integrationauthenticationid": world.ACCOUNT, "revcustomerid": world.customer_id(world.ACME)}
            connection.execute(insert(named("dbo.revservice", *line)).values(**line))
    assert fleet.lines_found("reconciliation/find_double_lines", "TWO_ACTIVE_LINES") == ITS


def test_a_line_that_this_very_row_created_is_no_conflict_however_it_is_written_and_linked(fleet: Fleet) -> None:
    flow = fleet.flow
    claim = flow.open(flow.create(request(fleet.write_devices())).change_id)
    flow.check(claim)
    flow.lines(claim)
    for number, line in fleet.rewrite_created(claim.bulk_change_id).items():
        fleet.link(number, line)
    validate.validate_devices(flow.portal, claim, now=flow.clock())
    assert set(fleet.by_code(claim.bulk_change_id)) == {"PROCESSING"}


def test_a_device_has_its_line_in_every_spelling(fleet: Fleet) -> None:
    change = fleet.flow.run(request(fleet.write_devices())).bulk_change_id
    lines = fleet.rewrite_created(change)
    for number, line in lines.items():
        fleet.link(number, line if fleet.devices[number].is_linked else None)
    lineless = {one["iccid"] for _, one in fleet.find("reconciliation/find_lineless_devices")}
    without = {name.name for number, name in fleet.devices.items() if name.device(number)["iccid"] in lineless}
    assert without == {one.name for one in SPELLINGS} - ITS


def test_the_views_say_the_same_as_python(fleet: Fleet) -> None:
    chance = random.Random(16)
    devices = dict(enumerate(itertools.islice(spelled(chance), 300), start=1))
    lines = dict(enumerate([*itertools.islice(spelled(chance), 400), *by_number(devices)], start=90_000))
    with fleet.flow.portal.begin() as connection:
        for number, (sim, msisdn) in devices.items():
            table = named("dbo.device", "id", "iccid", "msisdn", "isdeleted")
            values = {"iccid": sim or "", "msisdn": msisdn, "isdeleted": 1}
            connection.execute(update(table).where(table.c.id == number).values(**values))
        for service_id, (number2, number_) in lines.items():
            row = {"revserviceid": service_id, "number": number_, "number2": number2}
            row |= {"integrationauthenticationid": world.ACCOUNT}
            connection.execute(insert(named("dbo.revservice", *row)).values(**row))
        sim_key = named("device_association.sim_key", "deviceid", "issim", "digits")
        line_key = named("device_association.line_key", "revserviceid", "issim", "digits")
        is_its = and_(sim_key.c.issim == line_key.c.issim, sim_key.c.digits == line_key.c.digits)
        pairs = connection.execute(
            select(sim_key.c.deviceid, line_key.c.revserviceid).join_from(sim_key, line_key, is_its)
        )
        found = {(device, line) for device, line in pairs if device in devices and line in lines}
    expected = {
        (device, line) for device, mine in devices.items() for line, theirs in lines.items() if is_line(*mine, *theirs)
    }
    assert len(expected) > 1000
    assert [(devices[device], lines[line]) for device, line in found ^ expected][:5] == []


def is_line(sim: str | None, msisdn: str | None, number2: str | None, number: str | None) -> bool:
    """Return whether a line is a device's, by the functions of `sim_numbers`."""
    if iccid_keys(sim) & {iccid_digits(number2), iccid_digits(number)}:
        return True
    key = msisdn_key(msisdn)
    return key is not None and key == msisdn_key(number) and not (number2 or "").strip(BLANKS)


def spelled(chance: random.Random) -> Iterator[tuple[str | None, str | None]]:
    """Yield ICCIDs and numbers of a few SIMs, written in as many ways as chance has it."""
    while True:
        sim = world.iccid(chance.randrange(12))
        sim = chance.choice([sim, sim, sim + luhn_digit(sim), sim + chance.choice("0123456789"), sim[:18], sim + "123"])
        msisdn = chance.choice(["1555", "555", "4455", "2555"]) + f"{chance.randrange(6):07d}"
        yield written(chance, sim), written(chance, chance.choice([msisdn, msisdn, sim]))


def by_number(devices: dict[int, tuple[str | None, str | None]]) -> Iterator[tuple[str | None, str | None]]:
    """Yield lines that name a device by its number, with a number2 that is empty or nearly so."""
    for device, (_, msisdn) in devices.items():
        yield [None, "", " ", "\t\u00a0 ", "-", "F", "\u2009"][device % 7], msisdn


def written(chance: random.Random, digits: str) -> str | None:
    """Return digits with other signs between and around them, at most as many as a device's columns hold."""
    signs = chance.choice([["-", " "], [*BLANKS], list("+()/_%[]^"), ["x", "é", "８", "－", "\u202d"]])
    between = (chance.choice(["", "", "", chance.choice(signs)]) + digit for digit in digits)
    text = chance.choice([digits, "".join(between), f"{digits} ", f" {digits}", f"+{digits}"])
    odd = [f"{text}F", f"{text} f ", f"{text}FF", f"F{text}", "", " ", None]
    text_or_odd = chance.choice([text, text, chance.choice(odd)])
    return text_or_odd and text_or_odd[:50]


def break_holds(flow: Flow) -> None:
    """End whatever is at work on the devices, so that the next request meets nobody."""
    table = named("device_association.device_lock")
    with flow.portal.begin() as connection:
        connection.execute(table.delete())

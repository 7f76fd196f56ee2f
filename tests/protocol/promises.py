"""What the protocol promises, checked against the vendor's books and the database. Each check yields what is broken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from device_association.revio.lines import SENT
from device_association.service_lines.lookups.account import LOOK_LASTS
from tests.protocol.database import DEVICES
from tests.protocol.office import Office
from tests.protocol.vendor import Kept


class Broken(AssertionError):
    """A promise of the protocol was broken."""


class Intent(NamedTuple):
    """An intent with the state of its row and its change."""

    intent_id: int
    account: int
    iccid: str
    state: str
    row_id: int
    change_id: int
    line: int | None
    is_ready: bool
    row_status: str
    change_status: str
    customer: str
    called: datetime | None


class Row(NamedTuple):
    """A device of a change."""

    row_id: int
    iccid: str
    status: str
    is_processed: int
    products: str


INTENTS = """
SELECT i.id, i.IntegrationAuthenticationId, i.ICCID, i.State, i.M2MDeviceChangeId, i.BulkChangeId, i.RevServiceId,
    i.ReadyDate IS NOT NULL, m.Status, c.Status, CAST(i.RevCustomerId AS text), i.CalledDate
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.DeviceBulkChange AS c ON i.BulkChangeId = c.id
"""
ROWS = """
SELECT m.id, m.ICCID, m.Status, m.IsProcessed, t.RevProductIdList
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
"""
MIRROR = """
SELECT l.IntegrationAuthenticationId, l.RevServiceId, CAST(l.RevCustomerId AS text), l.Number, l.Number2, l.RevProviderId,
    l.RevServiceTypeId, l.RevUsagePlanGroupId, l.Description
FROM dbo.RevService AS l
WHERE l.IsDeleted = 0 AND l.DisconnectedDate IS NULL
"""


class Mirrored(NamedTuple):
    """A line as the billing mirror has it."""

    account: int
    line: int
    customer: str
    number: str | None
    number2: str | None
    provider_id: int | None
    service_type_id: int | None
    usage_plan_group_id: int | None
    description: str | None


class Books:
    """Everything at one moment."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.intents = [Intent(*one) for one in office.ask(INTENTS)]
        self.rows = [Row(*one) for one in office.ask(ROWS)]
        self.mirror = [Mirrored(*one) for one in office.ask(MIRROR)]
        self.lines: dict[tuple[int, int], Kept] = {
            (vendor.account_id, line.number): line for vendor in office.vendors.values() for line in vendor.lines()
        }

    def persons_case(self) -> set[str]:
        """Return the SIMs whose lines a person made or changed, or may have: there a person may have to help."""
        by_people = [line for line in self.lines.values() if line.by_hand or line.edited]
        if any("number2" in line.odd for line in by_people):
            return set(DEVICES)  # one rounded ICCID is that of them all
        return {line.sim for line in by_people if line.sim} | self.office.edited_sims


def check(office: Office, *, at_the_end: bool = False) -> None:
    """Raise Broken when a promise is broken."""
    books = Books(office)
    broken = [*office.broken, *_lines(books), *_mirror(books), *_intents(books), *_rows(books), *_products(books)]
    broken += [*_adopted(books), *_created(books)]
    if at_the_end:
        broken += [*_ended(books), *_all_mirrored(books)]
    if broken:
        raise Broken("; ".join(broken))


def _lines(books: Books) -> Iterator[str]:
    """No SIM has two lines that we made; what a person changed of one is that person's."""
    ours = Counter(line.sim for line in books.lines.values() if not line.by_hand and line.edited is None)
    for iccid, count in ours.items():
        if count > 1:
            yield f"{iccid} has {count} lines"


def _mirror(books: Books) -> Iterator[str]:
    """Each line of the mirror is at the vendor, for that customer, as the vendor shows it; later changes are not compared."""
    for kept in books.mirror:
        line = books.lines.get((kept.account, kept.line))
        if line is None and kept.number2 in books.office.lied_about:
            continue
        if line is None:
            yield f"the mirror has line {kept.line} for {kept.number2}, the vendor has not"
            continue
        if line.edited is not None:
            continue
        shown = line.as_record()
        differing = [name for name in Mirrored._fields[3:] if (getattr(kept, name) or None) != (shown[name] or None)]
        if differing:
            yield f"{kept} is not as the vendor shows it in {differing}: {shown}"
        if line.body["customer_id"] not in books.office.numbers_of(kept.customer):
            yield f"line {kept.line} is customer {line.body['customer_id']}'s, in the mirror it is that of {kept.customer}"


def _adopted(books: Books) -> Iterator[str]:
    """A line that was adopted was its customer's when it was looked at, and its SIM's."""
    for one in books.intents:
        settled = books.office.settled.get((one.intent_id, one.state, one.line or 0))
        line = books.lines.get((one.account, one.line or 0))
        if one.state != "ADOPTED" or settled is None or line is None:
            continue
        customers = books.office.numbers_of(one.customer)
        if not line.customers_since(settled.looked, settled.at) & customers:
            yield f"line {one.line} was adopted for {one.iccid} of {customers}, whose it was not: {line.customers}"


def _created(books: Books) -> Iterator[str]:
    """No line of somebody else counts as created by us, but one that came with our call and equals all that it sent."""
    for one in books.intents:
        line = books.lines.get((one.account, one.line or 0))
        if one.state != "CREATED" or line is None or not line.by_hand:
            continue
        sent = books.office.bodies.get(one.iccid, {})
        is_alike = all((line.made.get(name) or None) == (sent.get(name) or None) for name in SENT)
        assert one.called is not None
        lag = timedelta(seconds=books.office.vendors["revio_northwind"].lag)
        if not is_alike or line.committed + lag + LOOK_LASTS < one.called:
            yield f"line {one.line} of {one.iccid} counts as created by us, and a person made it: {line.made}"


def _intents(books: Books) -> Iterator[str]:
    """Each intent has ended or somebody who will end it; a SIM has one caller, a line one SIM."""
    calling = Counter(one.iccid for one in books.intents if one.state == "CALLING")
    yield from (f"{iccid} is CALLING {count} times" for iccid, count in calling.items() if count > 1)
    sims: dict[tuple[int, int], str] = {}
    mirrored = set(books.office.ask("SELECT IntegrationAuthenticationId, RevServiceId FROM dbo.RevService"))
    for one in books.intents:
        if one.state == "PLANNED" and one.change_status not in ("NEW", "PROCESSING"):
            yield f"{one} is planned, but its change has ended: nobody will end it"
        if one.line is None:
            continue
        key = (one.account, one.line)
        if sims.setdefault(key, one.iccid) != one.iccid:
            yield f"line {one.line} serves two SIMs"
        if key not in mirrored:
            yield f"{one} has a line that the mirror lacks"
    for row_id, count in Counter(one.row_id for one in books.intents if one.line is not None).items():
        if count > 1:
            yield f"row {row_id} has {count} lines"


def _rows(books: Books) -> Iterator[str]:
    """A row that was associated has one line, which is ready and has all its products."""
    ready = {one.row_id: one for one in books.intents if one.is_ready}
    made = {
        (vendor.account_id, one.body["service_id"], one.body["product_id"])
        for vendor in books.office.vendors.values()
        for one in vendor.products()
    }
    for row in books.rows:
        if row.status != "PROCESSED":
            continue
        intent = ready.get(row.row_id)
        if intent is None:
            yield f"{row} is PROCESSED without a line"
        elif (intent.account, intent.line) in books.lines:
            for product in json.loads(row.products):
                if (intent.account, intent.line, product) not in made:
                    yield f"{row} is PROCESSED, but product {product} of line {intent.line} was never made"


def _products(books: Books) -> Iterator[str]:
    """No line has a product twice."""
    for vendor in books.office.vendors.values():
        made = Counter((one.body["service_id"], one.body["product_id"]) for one in vendor.products())
        yield from (
            f"line {line} has product {product} {count} times" for (line, product), count in made.items() if count > 1
        )


def _ended(books: Books) -> Iterator[str]:
    """In the end everything has ended. Where a person made or changed lines a doubt may stay: reconciliation looks again."""
    by_hand = books.persons_case()
    yield from (f"{row} is still open" for row in books.rows if not row.is_processed)
    for one in books.intents:
        if one.state in ("PLANNED", "CALLING") or (one.state == "UNKNOWN" and one.iccid not in by_hand):
            yield f"{one} has no end"
    held = books.office.ask("SELECT BulkChangeId FROM device_association.device_lock")
    yield from (f"change {change} still holds a device" for (change,) in held)


def _all_mirrored(books: Books) -> Iterator[str]:
    """In the end each line that we made is in the mirror; a person's line makes its SIM a person's case.

    One that a person gave to a SIM that is not ours before we saw it cannot be told from that person's.
    """
    mirrored = {(one.account, one.line) for one in books.mirror}
    excused = books.persons_case() | books.office.lied_about
    for key, line in books.lines.items():
        has_left = line.edited is not None and line.sim is None
        if not line.by_hand and not has_left and key not in mirrored and line.body["number2"] not in excused:
            yield f"the vendor has line {key} for {line.body['number2']}, the mirror has not"


def summary(office: Office) -> dict[str, Any]:
    """Return what an example came to, for the figures."""
    lines = [line for vendor in office.vendors.values() for line in vendor.lines()]
    return {"changes": len(office.changes), "runs": len(office.runs), "lines": len(lines), "calls": len(office.out)}

"""What the protocol promises, checked against the vendor's books and the database. Each check yields what is broken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.protocol.office import CUSTOMERS, DEVICES, Office
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


class Row(NamedTuple):
    """A device of a change."""

    row_id: int
    iccid: str
    status: str
    is_processed: int
    products: str


INTENTS = """
SELECT i.id, i.IntegrationAuthenticationId, i.ICCID, i.State, i.M2MDeviceChangeId, i.BulkChangeId, i.RevServiceId,
    i.ReadyDate IS NOT NULL, m.Status, c.Status
FROM device_association.rev_intent AS i
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
SELECT l.IntegrationAuthenticationId, l.RevServiceId, l.Number2, c.RevCustomerId
FROM dbo.RevService AS l INNER JOIN dbo.RevCustomer AS c ON l.RevCustomerId = c.id
WHERE l.IsDeleted = 0 AND l.DisconnectedDate IS NULL
"""


class Books:
    """Everything at one moment."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.intents = [Intent(*one) for one in office.ask(INTENTS)]
        self.rows = [Row(*one) for one in office.ask(ROWS)]
        self.mirror: list[tuple[int, int, str, str]] = office.ask(MIRROR)
        self.lines: dict[tuple[int, int], Kept] = {
            (vendor.account_id, line.number): line for vendor in office.vendors.values() for line in vendor.lines()
        }

    def by_hand(self) -> set[str]:
        """Return the SIMs for which somebody made a line by hand."""
        hand = (line.body for line in self.lines.values() if line.by_hand)
        return {body["number2"] or body["number"] for body in hand}


def check(office: Office, *, at_the_end: bool = False) -> None:
    """Raise Broken when a promise is broken."""
    books = Books(office)
    broken = [*office.broken, *_lines(books), *_mirror(books), *_intents(books), *_rows(books), *_products(books)]
    if at_the_end:
        broken += [*_ended(books), *_all_mirrored(books)]
    if broken:
        raise Broken("; ".join(broken))


def _lines(books: Books) -> Iterator[str]:
    """No SIM has two lines that we made, for no customer where somebody made one by hand too: what of it is in the mirror
    and keeps other customers away is not ours to say.
    """
    by_hand = books.by_hand()
    ours = Counter(
        (line.body["number2"], line.body["customer_id"] if line.body["number2"] in by_hand else None)
        for line in books.lines.values()
        if not line.by_hand
    )
    for (iccid, _), count in ours.items():
        if count > 1:
            yield f"{iccid} has {count} lines"


def _mirror(books: Books) -> Iterator[str]:
    """Each line of the mirror is at the vendor, for that SIM and customer."""
    for account, number, iccid, customer in books.mirror:
        line = books.lines.get((account, number))
        if line is None and iccid in books.office.lied_about:
            continue
        if line is None:
            yield f"the mirror has line {number} for {iccid}, the vendor has not"
        elif iccid not in (line.body["number"], line.body["number2"]) or line.body["customer_id"] != int(customer):
            yield f"line {number} is {line.body} at the vendor, {iccid} of customer {customer} in the mirror"


def _intents(books: Books) -> Iterator[str]:
    """Each intent has ended or somebody who will end it; a SIM has one caller, a line one SIM."""
    calling = Counter(one.iccid for one in books.intents if one.state == "CALLING")
    yield from (f"{iccid} is CALLING {count} times" for iccid, count in calling.items() if count > 1)
    sims: dict[tuple[int, int], str] = {}
    mirrored = {(account, number) for account, number, *_ in books.mirror}
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
    """In the end everything has ended. Beside a line made by hand a doubt may stay: reconciliation looks again."""
    by_hand = books.by_hand()
    yield from (f"{row} is still open" for row in books.rows if not row.is_processed)
    for one in books.intents:
        if one.state in ("PLANNED", "CALLING") or (one.state == "UNKNOWN" and one.iccid not in by_hand):
            yield f"{one} has no end"
    held = books.office.ask("SELECT BulkChangeId FROM device_association.device_hold")
    yield from (f"change {change} still holds a device" for (change,) in held)


def _all_mirrored(books: Books) -> Iterator[str]:
    """In the end each line that we made is in the mirror; a line by hand makes its SIM a person's case."""
    mirrored = {(account, number) for account, number, *_ in books.mirror}
    excused = books.by_hand() | books.office.lied_about
    for key, line in books.lines.items():
        if not line.by_hand and key not in mirrored and line.body["number2"] not in excused:
            yield f"the vendor has line {key} for {line.body['number2']}, the mirror has not"


def summary(office: Office) -> dict[str, Any]:
    """Return what an example came to, for the figures."""
    lines = [line for vendor in office.vendors.values() for line in vendor.lines()]
    return {"changes": len(office.changes), "runs": len(office.runs), "lines": len(lines), "calls": len(office.out)}


__all__ = ["CUSTOMERS", "DEVICES", "Broken", "check", "summary"]

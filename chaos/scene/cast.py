"""What the vendor has of others from the start, and how people there spell: lines in front, odd records, SIMs of somebody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos.plan.schedule import ODD
from chaos.scene.site import Site, customer_of
from local.sample_data import world

IN_FRONT = 505
"""Lines of each customer that come before all others: its list has a second page of 500."""
ACCOUNTS = {world.ACCOUNT: "northwind", world.SECOND_ACCOUNT: "secondary"}
OTHERS = {
    "northwind": {world.ACME: world.BOREALIS, world.BOREALIS: world.ACME, world.TWICE: world.ACME},
    "secondary": {world.TWICE: world.GULF, world.GULF: world.TWICE},
}
"""The customer to whom a person gives a line by mistake."""
FRONT_SIMS, STRANGE_SIMS = 800_000, 810_000
"""Numbers of SIMs that no device has."""
ODDITIES: tuple[dict[str, Any], ...] = (
    {"customer_id": None},
    {"service_id": None},
    {"service_id": 2**31},
    {"service_id": 0},
    {"service_id": "3000099"},
    {"number2": 8.9148e19},
    {"number": 5550104477.0},
    {"description": "a\x00b", "number": "555\x00"},
    {"created_date": "yesterday"},
)
"""What is odd about records of SIMs that nobody asks about."""


def vendor_customer(chosen: str, *, elsewhere: bool) -> tuple[int, str]:
    """Return the number and the account's name of a schedule's customer, or of another customer of that account."""
    number, account, _ = customer_of(chosen)
    name = ACCOUNTS[account or world.ACCOUNT]
    return int(OTHERS[name][number] if elsewhere else number), name


def spelled(device: int, spelling: str) -> dict[str, str | None]:
    """Return number and number2 of a device's line as a person types them."""
    iccid, phone = world.iccid(device), world.msisdn(device)
    spellings: dict[str, tuple[str | None, str | None]] = {
        "plain": (phone, iccid),
        "filler": (None, f"{iccid}F"),
        "hyphens": (phone, f" {iccid[:4]}-{iccid[4:10]} {iccid[10:]}"),
        "check digit": (None, iccid + _luhn(iccid)),
        "phone": (f"+1 {phone[1:4]} {phone[4:7]}-{phone[7:]}", None),
    }
    number, number2 = spellings[spelling]
    return {"number": number, "number2": number2}


def set_scene(site: Site) -> None:
    """Put the lines and records of others into the vendor's books, as if they had always been there."""
    for account, line in (*_lines_in_front(), *_lines_of_asked_sims()):
        site.stack.control_vendor("POST", f"services?account={account}", line)
    for customer, record in (*_strange_records(), *_records_of_asked_sims()):
        site.stack.control_vendor("POST", f"records?account=northwind&customer_id={customer}", record)


def _lines_in_front() -> Iterator[tuple[str, dict[str, Any]]]:
    for account, customer, first in (
        ("northwind", world.ACME, 1),
        ("northwind", world.BOREALIS, 1001),
        ("secondary", world.TWICE, 1),
    ):
        for number in range(first, first + IN_FRONT):
            yield account, _line(customer, number2=world.iccid(FRONT_SIMS + number)) | {"service_id": number}


def _lines_of_asked_sims() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield lines that are a SIM's in another spelling or of another customer, for three in five of the odd devices."""
    kinds = (("filler", world.ACME), ("check digit", world.ACME), ("phone", world.ACME), ("plain", world.BOREALIS))
    for device in ODD:
        if (kind := device % 6) < len(kinds):
            spelling, customer = kinds[kind]
            yield "northwind", _line(customer, **spelled(device, spelling))


def _strange_records() -> Iterator[tuple[str, dict[str, Any]]]:
    for place, odd in enumerate(ODDITIES):
        own = {"service_id": 3_000_000 + place, "number2": world.iccid(STRANGE_SIMS + place)}
        yield world.ACME, _line(world.ACME) | own | odd


def _records_of_asked_sims() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield records that carry a SIM's digits and that nobody can judge, for the other odd devices."""
    for device in ODD:
        odd = {4: {"customer_id": None}, 5: {"service_id": None}}.get(device % 6)
        if odd is not None:
            own = {"service_id": 3_100_000 + device, **spelled(device, "filler")}
            yield world.ACME, _line(world.ACME) | own | odd


def _line(customer: str, **numbers: str | None) -> dict[str, Any]:
    born = {"activated_date": "2026-02-01T00:00:00", "created_date": "2026-02-01T08:00:00"}
    return {"customer_id": int(customer), "provider_id": world.PROVIDER, **numbers, **born}


def _luhn(digits: str) -> str:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)

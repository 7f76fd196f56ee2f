"""The sample world by name: who and what is in it, and which devices stand for which case. Nothing is random."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_DNS, UUID, uuid5

DEVICES = 3000
NORTHWIND, FLEET, CONTOSO = 1, 2, 3
"""Tenants; Northwind Fleet is Northwind's sub-tenant."""
JASPER, VERIZON, TELEGENCE, ADRIATIC = 1, 2, 3, 4
"""Service providers; Telegence has its writes disabled, Adriatic is Contoso's."""
ACCOUNT, SECOND_ACCOUNT = 1, 2
"""Rev.io accounts, both Northwind's."""
ACME, BOREALIS, CLOSED, SITELESS, UNBILLED, TWICE, GULF = "4711", "4712", "4713", "4714", "4715", "4716", "4717"
"""Customer numbers. TWICE exists in both accounts, UNBILLED has no account."""
SERVICE_TYPE, PROVIDER, PACKAGE, PRODUCT, SECOND_PRODUCT, USAGE_PLAN_GROUP = 11, 21, 31, 41, 42, 51
"""What Rev.io sells, by its own ids."""
SOLD_AS = {
    SERVICE_TYPE: "M2M line",
    PROVIDER: "Jasper wholesale",
    PACKAGE: "Fleet package",
    PRODUCT: "Monthly line fee",
    SECOND_PRODUCT: "Static address",
    USAGE_PLAN_GROUP: "Pooled data",
}
"""The words that a person knows each by."""
RATE_PLAN, RATE_POOL, CARRIER_PLAN, RETIRED_PLAN = "1", "1", "JAS-10MB", "JAS-OLD"


@dataclass(frozen=True, slots=True)
class Groups:
    """ICCIDs by what must become of them."""

    plain: tuple[str, ...]
    invalid: tuple[str, ...]
    not_found: tuple[str, ...]
    not_in_tenant: tuple[str, ...]
    archived: tuple[str, ...]
    status_not_allowed: tuple[str, ...]
    in_other_change: tuple[str, ...]
    other_customer: tuple[str, ...]
    has_active_service: tuple[str, ...]
    adoptable: tuple[str, ...]
    ambiguous: tuple[str, ...]
    refused_by_rev: tuple[str, ...]
    inherited: tuple[str, ...]


def customer_id(number: str, account: int | None = ACCOUNT) -> UUID:
    """Return the guid of a customer."""
    return uuid5(NAMESPACE_DNS, f"{number}.{account}.customers.example.com")


def iccid(number: int) -> str:
    """Return the ICCID of the device with this number: 19 digits with their Luhn check digit."""
    body = f"8901260{number:011d}"
    total = sum(
        value - 9 if value > 9 else value
        for value in (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    )
    return f"{body}{-total % 10}"


def msisdn(number: int) -> str:
    """Return the phone number of the device with this number."""
    return f"1555{number:07d}"


NUMBERS: dict[str, range] = {
    "plain": range(1, 2001),
    "not_in_tenant": range(2001, 2004),
    "archived": range(2011, 2014),
    "status_not_allowed": range(2021, 2024),
    "in_other_change": range(2031, 2034),
    "other_customer": range(2041, 2044),
    "has_active_service": range(2051, 2054),
    "adoptable": range(2061, 2064),
    "ambiguous": range(2071, 2073),
    "refused_by_rev": range(2081, 2084),
    "inherited": range(2091, 2094),
    "billed": range(2201, 2401),
    "not_found": range(900_001, 900_004),
}
"""Device numbers by what they stand for; the rest are devices of the other service providers."""


def groups() -> Groups:
    """Return the devices by what must become of them."""
    named = {name: tuple(map(iccid, numbers)) for name, numbers in NUMBERS.items() if name != "billed"}
    return Groups(invalid=("8901-NOT-AN-ICCID", "890126000000000000000000000001"), **named)

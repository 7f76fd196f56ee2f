"""The devices of a slice, and what Rev.io is asked for each of them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from uuid import UUID

from device_association.domain.association_request import tenant_zone
from device_association.domain.errors import ConfigurationError
from device_association.revio.lines import SENT, Line
from device_association.revio.responses import NO_YEARS, spelled_id
from device_association.revio.sims import Sim


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device whose line is to be created or disconnected, with its intent and the terms of its change.

    A row of `service_lines/list_slice_devices` and of `service_lines/list_left_open`. All times are UTC.
    """

    row_id: int
    bulk_change_id: int
    retry_number: int
    tenant_id: int
    time_zone: str | None
    """The tenant's, whose calendar dates the line."""
    iccid: str
    msisdn: str | None
    intent_id: int
    state: str
    looked: datetime | None
    """Since when the SIM's lines at Rev.io are known."""
    called: datetime | None
    called_body: str | None
    """When the last call for the line was begun, and its body as JSON."""
    service_id: int | None
    settled: datetime
    """The line that was created or adopted, and when the intent was written last."""
    ends_service_id: int | None
    """The line that a revert disconnects; None: a line is to be created."""
    line_owner: str | None
    """The ICCID of the SIM whose the line to be disconnected is."""
    reverted_intent_id: int | None
    reverted_state: str | None
    """The intent of the reverted change that gave the SIM its line: CREATED or ADOPTED."""
    named_service_id: int | None
    named_account_id: int | None
    named_by: str | None
    named_reason: str | None
    account_id: int
    connection_id: str
    customer_id: UUID
    customer_number: str
    service_type_id: int | None
    provider_id: int | None
    usage_plan_group_id: int | None
    rev_package_id: int | None
    rev_product_id_list: str
    rate_list: str
    """JSON lists of equal length: the products, and the rate of each as text or null."""
    prorate: bool
    description: str | None
    effective_date: datetime | None
    """None: the activation date, else now."""
    activated_date: datetime | None


@dataclass(frozen=True, slots=True)
class SliceDevice(DeviceRow):
    """A device that is worked on: with the moment at which it was read, and the zone in which its account reads dates."""

    now: datetime
    account_zone: tzinfo

    @classmethod
    def of(cls, row: DeviceRow, *, now: datetime, account_zone: tzinfo) -> SliceDevice:
        """Return a device as it is worked on; an activation date that other programs write for 'none' is None."""
        columns = {column.name: getattr(row, column.name) for column in fields(DeviceRow)}
        if row.activated_date is not None and row.activated_date.year in NO_YEARS:
            columns["activated_date"] = None
        return cls(**columns, now=now, account_zone=account_zone)

    @property
    def sim(self) -> Sim:
        """The numbers of the device's SIM."""
        return Sim(self.iccid, self.msisdn)

    @property
    def customers(self) -> frozenset[int]:
        """The numbers that the device's customer has at Rev.io now, and had when the SIM was called for."""
        return customers_of(self.customer_number, self.called_body)

    @property
    def wants_products(self) -> bool:
        """Whether the request names products for the device's line."""
        return bool(json.loads(self.rev_product_id_list))


def line_body(device: SliceDevice) -> dict[str, object]:
    """Return the body of `POST /v1/Services` for one device. Source: the Rev.io contract, 'Create'."""
    return {
        "customer_id": customer_number(device.customer_number),
        "provider_id": device.provider_id,
        "service_type_id": device.service_type_id,
        "number": device.msisdn or device.iccid,
        "number2": device.iccid,
        **line_dates(device),
        "usage_plan_group_id": device.usage_plan_group_id,
        "package_id": device.rev_package_id,
        "description": device.description or None,
    }


def line_dates(device: SliceDevice) -> dict[str, date | None]:
    """Return the dates of a line or product as the tenant's calendar has them; the effective date only with proration."""
    zone = tenant_zone(device.time_zone)
    activated = device.activated_date
    effective = device.effective_date or activated or device.now
    return {
        "effective_date": effective.astimezone(zone).date() if device.prorate else None,
        "activated_date": activated and activated.astimezone(zone).date(),
    }


def differing_terms(device: SliceDevice, line: Line) -> list[str]:
    """Return where a line of the device's customer, who may have been renumbered since, is not as it is asked for now."""
    return line.differing_fields(line_body(device) | {"customer_id": line.customer_id})


def called_terms(device: SliceDevice) -> list[str]:
    """Return where the last call for a device's line asked for something else than the device's row asks for now."""
    called = json.loads(device.called_body or "null")
    asked = {name: value.isoformat() if isinstance(value, date) else value for name, value in line_body(device).items()}
    return [
        f"{name} {called.get(name) or 'none'} instead of {asked[name] or 'none'}"
        for name in (*SENT, "activated_date")
        if called and name != "customer_id" and called.get(name) != asked[name]
    ]


def disconnect_body(device: SliceDevice) -> dict[str, object]:
    """Return the body of `DELETE /v1/Services` for one device of a revert."""
    return {"service_id": device.ends_service_id, "effective_date": disconnect_day(device)}


def disconnect_day(device: SliceDevice) -> date:
    """Return the day on which a line or product ends: the account's today, whose midnight has passed at Rev.io."""
    return device.now.astimezone(device.account_zone).date()


def customers_of(number: str, called_body: str | None) -> frozenset[int]:
    """Return a customer's number at Rev.io, and the one it had when a SIM of its was called for with this body."""
    called = json.loads(called_body) if called_body else {}
    return frozenset({customer_number(number), *filter(None, [called.get("customer_id")])})


def customer_number(number: str) -> int:
    """Return the customer's number as Rev.io wants it, or raise ConfigurationError that names it."""
    found = spelled_id(number)
    if found is None:
        raise ConfigurationError(
            f"customer number {number!r} is not a number that Rev.io gives its customers; correct RevCustomer"
        )
    return found


def mismatch_reason(line: Line | None, sim: Sim | None, customers: Collection[int]) -> str | None:
    """Return why a line is not known to be a SIM's of these customers as Rev.io shows it now; None: it is.

    Without a SIM only the customer counts.
    """
    if line is None:
        return "Rev.io does not show it"
    if line.customer_id not in customers:
        return f"it is customer {line.customer_id}'s now"
    if sim is not None and not sim.may_have(line):
        return f"it has SIM {line.number2 or line.number} now"
    return None

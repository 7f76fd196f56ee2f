"""The bulk changes that the demo asks for, and how their devices must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from local.sample_data import groups, world


class Way(StrEnum):
    """How a change is asked for, in words."""

    MESSAGE = "by message"
    API = "by POST /M2M/AssociateCustomer with a bearer token"
    FORM = "by Airflow's trigger form"


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that must all end alike."""

    name: str
    iccids: tuple[str, ...]
    expected: str
    lines: int = 0
    """How many lines Rev.io must have for each of them afterwards."""


@dataclass
class Change:
    """One request of the demo, with the groups that are in it."""

    title: str
    terms: Mapping[str, Any]
    groups: list[Group]
    change_id: int = 0
    way: Way = Way.MESSAGE
    status: str = ""
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def request(self) -> dict[str, Any]:
        """The request as the portal would send it."""
        devices = [iccid for group in self.groups for iccid in group.iccids]
        return {"ServiceProviderId": world.JASPER, "Devices": devices, "RevCustomerId": world.ACME} | dict(self.terms)


def planned_changes(now: datetime) -> list[Change]:
    """Return the demo's changes: together they show every per-device code and every way to succeed."""
    g = groups()
    line = {"CreateRevService": True, "ServiceTypeId": world.SERVICE_TYPE, "ProviderId": world.PROVIDER}
    refused = [
        Group("not 18 to 22 digits", g.invalid, "INVALID_ICCID"),
        Group("unknown to the carrier", g.not_found, "DEVICE_NOT_FOUND"),
        Group("in another tenant", g.not_in_tenant, "DEVICE_NOT_IN_TENANT"),
        Group("archived", g.archived, "DEVICE_ARCHIVED"),
        Group("suspended", g.status_not_allowed, "DEVICE_STATUS_NOT_ALLOWED"),
        Group("another program is at work", g.in_other_change, "DEVICE_IN_OTHER_CHANGE"),
        Group("billed to another customer", g.other_customer, "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER", lines=1),
        Group("has a line already", g.has_active_service, "DEVICE_HAS_ACTIVE_SERVICE", lines=1),
    ]
    with_line = [
        Group("new line", g.plain[:5], "PROCESSED", lines=1),
        Group("line adopted from Rev.io", g.adoptable, "PROCESSED", lines=1),
        Group("two lines at Rev.io", g.ambiguous, "REV_LINE_AMBIGUOUS", lines=2),
        Group("refused by Rev.io", g.refused_by_rev, "REV_REJECTED"),
    ]
    plan = {"AddCustomerRatePlan": True, "CustomerRatePlan": world.RATE_PLAN, "CustomerRatePool": world.RATE_POOL}
    later = (now + timedelta(days=30)).isoformat()
    carrier = {"AddCarrierRatePlan": True, "CarrierRatePlan": world.CARRIER_PLAN}
    products = {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}
    return [
        Change("lines in Rev.io, with everything that can be refused", line, with_line + refused),
        Change(
            "without a Rev.io service",
            {"RevCustomerId": world.UNBILLED},
            [Group("associated only", g.plain[100:103], "PROCESSED")],
            way=Way.API,
        ),
        Change(
            "a customer rate plan from next month on",
            plan | {"EffectiveDate": later},
            [Group("plan queued for its date", g.plain[110:113], "PROCESSED")],
        ),
        Change("a carrier rate plan", carrier, [Group("carrier plan set", g.plain[120:123], "PROCESSED")]),
        Change(
            "lines with a product",
            line | products,
            [Group("asked for in Airflow's form", g.plain[130:133], "PROCESSED", lines=1)],
            way=Way.FORM,
        ),
    ]

"""What a caller may pick from and look up: devices with their history, customers, and what a request may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import rows
from device_association.database.search_patterns import beginning_with, containing
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import BIGGEST_ID
from device_association.domain.errors import Refusal, RequestRefused
from device_association.portal.field_names import columns_of
from device_association.portal.form_options import Choice
from device_association.requests.request_rules import find_customer


class Field(StrEnum):
    """The fields of a request that name something of a list."""

    SERVICE_PROVIDER = "ServiceProviderId"
    CARRIER_RATE_PLAN = "CarrierRatePlan"
    CUSTOMER_RATE_PLAN = "CustomerRatePlan"
    CUSTOMER_RATE_POOL = "CustomerRatePool"
    SERVICE_TYPE = "ServiceTypeId"
    PROVIDER = "ProviderId"
    USAGE_PLAN_GROUP = "UsagePlanGroupId"
    PACKAGE = "RevPackageId"
    PRODUCT = "RevProductIdList"


OF_ACCOUNT = frozenset({Field.SERVICE_TYPE, Field.PROVIDER, Field.USAGE_PLAN_GROUP, Field.PACKAGE, Field.PRODUCT})
"""What Rev.io sells: each account has its own."""


@dataclass(frozen=True, slots=True)
class InventoryDevice:
    """A device of a tenant as it is now; `line` is Rev.io's id of its line."""

    device_tenant_id: int
    device_id: int
    iccid: str
    msisdn: str | None
    imei: str | None
    service_provider_id: int
    service_provider: str
    status: str | None
    date_activated: datetime | None
    tenant_name: str
    customer_number: str | None
    customer_name: str | None
    line: int | None
    customer_rate_plan: str | None
    customer_rate_pool: str | None
    customer_data_allocation_mb: Decimal | None
    carrier_rate_plan: str | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What a change or a person changed of a SIM's device, and why."""

    history_id: int
    changed_field: str
    previous_value: str | None
    current_value: str | None
    change_event_type: str | None
    date_of_change: datetime | None
    changed_by: str | None
    customer_name: str | None
    customer_number: str | None
    bulk_change_id: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class HistoryEntry(HistoryRow):
    """The same, with what the ids before and after are called; None where that is not known, or no id."""

    previous_name: str | None
    current_name: str | None


@dataclass(frozen=True, slots=True)
class ValueName:
    """What an id in a SIM's history is called."""

    changed_field: str
    kept_value: str
    shown_name: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer whom the caller may use; `account_id` is None for one who is not Rev.io's."""

    customer_id: UUID
    number: str
    name: str
    status: str | None
    close_date: datetime | None
    account_id: int | None
    site_id: int | None


def list_devices(
    engine: Engine,
    caller: PortalUser,
    *,
    search: str | None = None,
    service_provider_id: int | None = None,
    after: int = 0,
    limit: int,
) -> list[InventoryDevice]:
    """Return a page of the devices that the caller may see; `search` is how an ICCID, MSISDN or IMEI begins."""
    with engine.connect() as connection:
        return rows(
            connection,
            InventoryDevice,
            "portal/list_visible_devices",
            user_id=caller.user_id,
            begins_with=beginning_with(search),
            service_provider_id=service_provider_id,
            after=after,
            limit=limit,
        )


def device_history(
    engine: Engine, caller: PortalUser, iccid: str, *, before: int | None = None, limit: int
) -> tuple[list[InventoryDevice], list[HistoryEntry]]:
    """Return a SIM's devices as they are now and a page of what happened to it; RequestRefused where none may be seen.

    Beside each id that a change left or set stands what it is called, where that is still known.
    """
    with engine.connect() as connection:
        found = rows(connection, InventoryDevice, "portal/find_visible", user_id=caller.user_id, iccid=iccid)
        if not found:
            said = f"there is no device {iccid}; check the number"
            raise RequestRefused([Refusal(DeviceCode.DEVICE_NOT_FOUND, "iccid", said)])
        history = rows(
            connection,
            HistoryRow,
            "portal/list_history",
            iccid=iccid,
            before=before or BIGGEST_ID,
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            limit=limit,
        )
        named = rows(connection, ValueName, "portal/name_history_values", iccid=iccid)
    names: dict[tuple[str, str | None], str] = {(one.changed_field, one.kept_value): one.shown_name for one in named}
    return found, [_with_names(one, names) for one in history]


def _with_names(entry: HistoryRow, names: Mapping[tuple[str, str | None], str]) -> HistoryEntry:
    return HistoryEntry(
        **columns_of(entry),
        previous_name=names.get((entry.changed_field, entry.previous_value)),
        current_name=names.get((entry.changed_field, entry.current_value)),
    )


def list_customers(
    engine: Engine, caller: PortalUser, *, search: str | None = None, after: UUID | None = None, limit: int
) -> list[Customer]:
    """Return a page of the customers that the caller may use, by name; `search` is a part of the name or number."""
    with engine.connect() as connection:
        return rows(
            connection,
            Customer,
            "portal/list_usable",
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            pattern=containing(search),
            after=after,
            limit=limit,
        )


def list_offered(
    engine: Engine,
    caller: PortalUser,
    field: Field,
    *,
    service_provider_id: int | None = None,
    rev_customer_id: str | None = None,
) -> list[Choice]:
    """Return what a field may name, for one service provider and one customer's Rev.io account where they are given."""
    with engine.connect() as connection:
        account_id = None
        if rev_customer_id is not None and field in OF_ACCOUNT:
            account_id = find_customer(connection, caller, rev_customer_id).account_id or 0
        return rows(
            connection,
            Choice,
            "portal/list_offered",
            field=field,
            tenant_id=caller.tenant_id,
            service_provider_id=None if field in OF_ACCOUNT else service_provider_id,
            account_id=account_id,
        )

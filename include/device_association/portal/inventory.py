"""What a caller may pick from and look up: devices with their history, customers, and what a request may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import BIGGEST_ID, Record, records
from device_association.database.search_patterns import beginning_with, containing
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import Refusal, RequestRefused
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


def list_devices(
    engine: Engine,
    caller: PortalUser,
    *,
    search: str | None = None,
    service_provider_id: int | None = None,
    after: int = 0,
    limit: int,
) -> Sequence[Record]:
    """Return a page of the devices that the caller may see; `search` is how an ICCID, MSISDN or IMEI begins."""
    with engine.connect() as connection:
        return records(
            connection,
            "portal/list_visible_devices",
            user_id=caller.user_id,
            begins_with=beginning_with(search),
            service_provider_id=service_provider_id,
            after=after,
            limit=limit,
        )


def device_history(
    engine: Engine, caller: PortalUser, iccid: str, *, before: int | None = None, limit: int
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Return a SIM's devices as they are now and a page of what happened to it; RequestRefused where none may be seen.

    Beside each id that a change left or set stands what it is called, where that is still known.
    """
    with engine.connect() as connection:
        found = records(connection, "portal/find_visible", user_id=caller.user_id, iccid=iccid)
        if not found:
            said = f"there is no device {iccid}; check the number"
            raise RequestRefused([Refusal(DeviceCode.DEVICE_NOT_FOUND, "iccid", said)])
        history = records(
            connection,
            "portal/list_history",
            iccid=iccid,
            before=before or BIGGEST_ID,
            limit=limit,
            **caller.key,
        )
        named = records(connection, "portal/name_history_values", iccid=iccid)
    names = {(one["changed_field"], one["kept_value"]): one["shown_name"] for one in named}
    return found, [_with_names(one, names) for one in history]


def _with_names(entry: Record, names: Mapping[tuple[str, str], str]) -> Record:
    def name_of(value: str) -> str | None:
        return names.get((entry["changed_field"], entry[value]))

    return {**entry, "previous_name": name_of("previous_value"), "current_name": name_of("current_value")}


def list_customers(
    engine: Engine, caller: PortalUser, *, search: str | None = None, after: UUID | None = None, limit: int
) -> Sequence[Record]:
    """Return a page of the customers that the caller may use, by name; `search` is a part of the name or number."""
    with engine.connect() as connection:
        return records(
            connection, "portal/list_usable", pattern=containing(search), after=after, limit=limit, **caller.key
        )


def list_offered(
    engine: Engine,
    caller: PortalUser,
    field: Field,
    *,
    service_provider_id: int | None = None,
    rev_customer_id: str | None = None,
) -> Sequence[Record]:
    """Return what a field may name, for one service provider and one customer's Rev.io account where they are given."""
    with engine.connect() as connection:
        account_id = None
        if rev_customer_id is not None and field in OF_ACCOUNT:
            account_id = find_customer(connection, caller, rev_customer_id).account_id or 0
        return records(
            connection,
            "portal/list_offered",
            field=field,
            tenant_id=caller.tenant_id,
            service_provider_id=None if field in OF_ACCOUNT else service_provider_id,
            account_id=account_id,
        )

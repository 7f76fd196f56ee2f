"""What the portal's screens pick from: devices with their history, customers, and a list for each drop-down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field as Bounds

from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.portal.field_names import all_to_api
from device_association.portal.inventory import Field, device_history, list_customers, list_devices, list_offered
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.api.paging import page
from device_association_airflow.api.parameters import Iccid, Id, Int32, Paged, Parameters, Text

inventory = APIRouter()
LISTS = {
    "ServiceProviders": Field.SERVICE_PROVIDER,
    "CarrierRatePlans": Field.CARRIER_RATE_PLAN,
    "CustomerRatePlans": Field.CUSTOMER_RATE_PLAN,
    "CustomerRatePools": Field.CUSTOMER_RATE_POOL,
    "ServiceTypes": Field.SERVICE_TYPE,
    "Providers": Field.PROVIDER,
    "UsagePlanGroups": Field.USAGE_PLAN_GROUP,
    "Packages": Field.PACKAGE,
    "Products": Field.PRODUCT,
}
"""The address of each drop-down's list and the field that it is for."""


class DeviceSearch(Paged):
    """Which devices are listed; `Search` is how an ICCID, MSISDN or IMEI begins."""

    search: Text | None = None
    service_provider_id: Int32 | None = None


class HistoryPage(Parameters):
    """Where a page of history begins; `Before` is the `Next` of the page before."""

    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Bounds(ge=1, le=500)] = 50


class CustomerSearch(Parameters):
    """Which customers are listed; `After` is the `Next` of the page before."""

    search: Text | None = None
    after: UUID | None = None
    limit: Annotated[int, PLAIN_WHOLE, Bounds(ge=1, le=200)] = 20


class ListScope(Parameters):
    """The service provider or customer that a list is for."""

    service_provider_id: Int32 | None = None
    rev_customer_id: Text | None = None


@inventory.get("/Devices")
def devices(caller: ReaderDep, engine: EngineDep, search: Annotated[DeviceSearch, Query()]) -> dict[str, Any]:
    """Return the devices that the caller may see."""
    found = list_devices(engine, caller, **dict(search))
    return page("Devices", found, search.limit, "device_tenant_id")


@inventory.get("/Devices/{iccid}/history")
def history(
    caller: ReaderDep, engine: EngineDep, iccid: Iccid, paged: Annotated[HistoryPage, Query()]
) -> dict[str, Any]:
    """Return a device with its current line and plan, and who changed what of it, why and when, newest first."""
    found, events = device_history(engine, caller, iccid, **dict(paged))
    return {"Devices": all_to_api(found), **page("History", events, paged.limit, "history_id")}


@inventory.get("/Customers")
def customers(caller: ReaderDep, engine: EngineDep, search: Annotated[CustomerSearch, Query()]) -> dict[str, Any]:
    """Return the customers that the caller may use."""
    found = list_customers(engine, caller, **dict(search))
    return page("Customers", found, search.limit, "customer_id")


def _list_of(field: Field) -> Callable[..., dict[str, Any]]:
    def listed(caller: ReaderDep, engine: EngineDep, scope: Annotated[ListScope, Query()]) -> dict[str, Any]:
        found = list_offered(engine, caller, field, **dict(scope))
        return {"Success": True, "Choices": [{"Value": one.choice, "Label": one.label} for one in found]}

    return listed


for name, field in LISTS.items():
    said = f"Return what {field} of a request may name, for one service provider or customer where one is given."
    inventory.get(f"/{name}", name=name, description=said, operation_id=f"list_{name}")(_list_of(field))

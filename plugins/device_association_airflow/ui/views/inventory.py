"""The screens of the inventory: the device search, and one device with its history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field as Bounds

from device_association.domain.association_request import read_fields
from device_association.domain.encoding import BIGGEST_ID
from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.portal.inventory import Field, device_history, list_devices, list_offered
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.api.parameters import Iccid, Id, Int32, Parameters, Text
from device_association_airflow.ui.paging import PAGE, FilledDep, pages_of
from device_association_airflow.ui.rendering import render_page

router = APIRouter()
HISTORY = 100
"""Rows of a page of history."""


class InventorySearch(Parameters):
    """What the device search shows."""

    search: Text | None = None
    service_provider_id: Int32 | None = None
    after: Annotated[int, PLAIN_WHOLE, Bounds(ge=0, le=BIGGEST_ID)] = 0


@router.get("/devices")
def devices(request: Request, caller: ReaderDep, engine: EngineDep, sent: FilledDep) -> Response:
    """Show the inventory that the caller may see."""
    asked = read_fields(InventorySearch, sent)
    found = list_devices(engine, caller, **dict(asked), limit=PAGE)
    providers = list_offered(engine, caller, Field.SERVICE_PROVIDER)
    pages = pages_of(sent, "After", found, "device_tenant_id")
    shown = {"devices": found, "providers": providers, "sent": sent, "pages": pages}
    return render_page(request, "devices.html", caller, "devices", **shown)


@router.get("/devices/{iccid}")
def device(request: Request, caller: ReaderDep, engine: EngineDep, iccid: Iccid, before: Id | None = None) -> Response:
    """Show a device as it is, and who changed what of it, why and when."""
    found, history = device_history(engine, caller, iccid, before=before, limit=HISTORY)
    pages = pages_of({"before": str(before)} if before else {}, "before", history, "history_id", limit=HISTORY)
    shown = {"iccid": iccid, "devices": found, "history": history, "pages": pages}
    return render_page(request, "device.html", caller, "devices", **shown)

"""What the portal shows of bulk changes: the list, one, its devices, its log and its three result files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from device_association.bulk_changes.access import find_visible
from device_association.portal import changes as change_views
from device_association.portal.changes import describe_change, list_changes
from device_association.portal.csv_export import Results, result_lines
from device_association.portal.field_names import to_api
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.api.paging import csv_file, page
from device_association_airflow.api.parameters import ChangeFilters, ChangeId, DeviceFilters, Paged

changes = APIRouter(prefix="/BulkChanges")


@changes.get("")
def bulk_changes(caller: ReaderDep, engine: EngineDep, filters: Annotated[ChangeFilters, Query()]) -> dict[str, Any]:
    """Return the changes that the caller may see, newest first."""
    found = list_changes(engine, caller, **dict(filters))
    return page("BulkChanges", found, filters.limit, "bulk_change_id")


@changes.get("/{change_id}")
def bulk_change(caller: ReaderDep, engine: EngineDep, change_id: ChangeId) -> dict[str, Any]:
    """Return one change: how it stands, its devices by code, its steps, why it was stopped."""
    return {"Success": True, **to_api(describe_change(engine, caller, change_id))}


@changes.get("/{change_id}/devices")
def devices(
    caller: ReaderDep, engine: EngineDep, change_id: ChangeId, filters: Annotated[DeviceFilters, Query()]
) -> dict[str, Any]:
    """Return a change's devices in the order of the request, by state and code."""
    found = change_views.page_devices(engine, caller, change_id, **dict(filters))
    return page("Devices", found, filters.limit, "row_id")


@changes.get("/{change_id}/log")
def log_of(
    caller: ReaderDep, engine: EngineDep, change_id: ChangeId, paged: Annotated[Paged, Query()]
) -> dict[str, Any]:
    """Return what was done for a change, step by step and device by device, oldest first."""
    found = change_views.page_log(engine, caller, change_id, **dict(paged))
    return page("Log", found, paged.limit, "log_id")


@changes.get("/{change_id}/results/{results}.csv", response_class=StreamingResponse)
def result_file(caller: ReaderDep, engine: EngineDep, change_id: ChangeId, results: Results) -> StreamingResponse:
    """Return the devices that succeeded, failed or were not attempted, as a file for a spreadsheet."""
    with engine.connect() as connection:
        find_visible(connection, caller, change_id)
    return csv_file(f"bulk-change-{change_id}-{results}.csv", result_lines(engine, change_id, results))

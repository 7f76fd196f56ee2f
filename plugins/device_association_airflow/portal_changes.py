"""What the portal shows of bulk changes: the list, one, its devices, its log and its three result files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from device_association.bulk_changes.access import find_visible
from device_association.portal import changes as change_views
from device_association.portal.changes import describe_change, list_changes
from device_association.portal.csv_export import Results, result_lines
from device_association.portal.field_names import all_to_api, to_api
from device_association_airflow.portal_caller import EngineDep, ReaderDep
from device_association_airflow.portal_queries import ChangeFilters, ChangeId, DeviceFilters, Paged

changes = APIRouter(prefix="/BulkChanges")


def page(name: str, found: Sequence[Any], limit: int, key: str) -> dict[str, Any]:
    """Return a page's answer; `Next` is null where it was the last one."""
    following = getattr(found[-1], key) if len(found) == limit else None
    return {"Success": True, name: all_to_api(found), "Next": following}


def csv_file(name: str, lines: Iterator[str]) -> StreamingResponse:
    """Return lines as a file that is downloaded under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


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

"""The portal's screens at /M2M/ui: associate devices, bulk changes, one change, devices, one device, findings.

They show what the API answers, by the same functions and with the same rights, and work on their own address as well as in
Airflow's frame. What moves on a page asks the API beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, FastAPI, HTTPException, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field as Bounds
from sqlalchemy import Engine

from device_association.bulk_changes.access import Caller, Right
from device_association.data_checks.report_files import report_page
from device_association.database.execution import BIGGEST_ID, Record
from device_association.domain.advice import ADVICE
from device_association.domain.association_request import local_to_utc, read_fields
from device_association.domain.codes import NOT_ENDED, ChangeStatus, DeviceCode, Row
from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.portal.changes import describe_change, list_changes, page_devices
from device_association.portal.findings import list_findings
from device_association.portal.inventory import Field, device_history, list_devices, list_offered
from device_association.service_lines.line_naming import list_named_lines, may_be_named
from device_association.settings import Settings
from device_association_airflow.page_refusals import refuse_with_pages
from device_association_airflow.page_templates import asset, render
from device_association_airflow.page_words import lines_in, steps
from device_association_airflow.portal_caller import (
    CreatorDep,
    EngineDep,
    NowDep,
    ReaderDep,
    SettingsDep,
    signed_in,
)
from device_association_airflow.portal_findings import FindingFilters
from device_association_airflow.portal_queries import ChangeId, DeviceFilters, Id, Int32, Parameters, Text
from device_association_airflow.report_pages import PREFIX as REPORTS

PREFIX = "/ui"
PAGE, HISTORY = 50, 100
RETRYABLE = (Row.ERROR, Row.API_FAILED, Row.CANCELED)
AFTER_LINES = (DeviceCode.STEP_FAILED, DeviceCode.DEADLINE_EXCEEDED)
"""With these a device may have got its line before."""
Day = Annotated[date, Bounds(ge=date(1753, 1, 2), le=date(9998, 12, 30))]
Iccid = Annotated[str, Path(pattern="^[0-9]{18,22}$", description="18 to 22 digits.")]

pages_app = FastAPI(
    title="Device association screens",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    redirect_slashes=False,
    dependencies=[Depends(signed_in)],
)
refuse_with_pages(pages_app)


class ListFilters(Parameters):
    """What the list shows; days are the tenant's own."""

    status: ChangeStatus | None = None
    created_by: Text | None = None
    customer: Text | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    before: Id | None = None


class InventorySearch(Parameters):
    """What the device search shows."""

    search: Text | None = None
    service_provider_id: Int32 | None = None
    after: Annotated[int, PLAIN_WHOLE, Bounds(ge=0, le=BIGGEST_ID)] = 0


def filled(request: Request) -> dict[str, str]:
    """Return the parameters of an address without those that a form left empty."""
    return {name: value for name, value in request.query_params.items() if value.strip()}


FilledDep = Annotated[dict[str, str], Depends(filled)]


@pages_app.get("/assets/{name}")
def asset_file(name: str) -> Response:
    """Return a file that the pages name."""
    found = asset(name)
    if found is None:
        raise HTTPException(404)
    return found


@pages_app.get("/")
def home(request: Request, caller: ReaderDep) -> Response:
    """Lead to the list."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/changes", 302)


@pages_app.get("/associate")
def associate(request: Request, caller: CreatorDep, engine: EngineDep, settings: SettingsDep) -> Response:
    """Show the form that associates devices."""
    providers = list_offered(engine, caller, Field.SERVICE_PROVIDER)
    words = {code: {"title": one.title, "todo": one.to_do} for code, one in ADVICE.items()}
    shown = {"providers": providers, "most": settings.max_devices, "advice_words": words}
    return render_page(request, "associate.html", caller, "associate", **shown)


@pages_app.get("/changes")
def changes(request: Request, caller: ReaderDep, engine: EngineDep, now: NowDep, sent: FilledDep) -> Response:
    """Show the bulk changes that the caller may see."""
    asked = read_fields(ListFilters, sent)
    after_last = asked.last_day and asked.last_day + timedelta(days=1)
    found = list_changes(
        engine,
        caller,
        status=asked.status,
        created_by=asked.created_by,
        customer=asked.customer,
        since=_midnight(asked.first_day, caller),
        until=_midnight(after_last, caller),
        before=asked.before,
        limit=PAGE,
    )
    pages = pages_of(sent, "Before", found, "bulk_change_id")
    return render_page(request, "changes.html", caller, "changes", changes=found, sent=sent, pages=pages, now=now)


@pages_app.get("/changes/{change_id}")
def change(
    request: Request,
    caller: ReaderDep,
    engine: EngineDep,
    settings: SettingsDep,
    now: NowDep,
    change_id: ChangeId,
    sent: FilledDep,
) -> Response:
    """Show one change: live counts, steps, what was refused and why, its devices, and what can be done."""
    asked = read_fields(DeviceFilters, {"Limit": str(PAGE)} | sent)
    found = describe_change(engine, caller, change_id)
    devices = page_devices(engine, caller, change_id, **dict(asked))
    problems = sorted(_retryable(found), key=lambda one: -one["devices"])
    return render_page(
        request,
        "change.html",
        caller,
        "changes",
        change=found,
        problems=problems,
        devices=devices,
        **_naming(engine, caller, found, devices),
        sent=sent,
        pages=pages_of(sent, "After", devices, "row_id", limit=asked.limit),
        steps=steps(found["steps"], str(found["status"]), reverts=found["reverts"] is not None),  # type: ignore[arg-type]
        has_ended=found["status"] not in NOT_ENDED,
        may_answer=_may_answer(caller, found),
        may_revert=_may_revert(caller, found),
        run_path=_run_path(found),
        report_path=_report_path(found, settings),
        now=now,
    )


@pages_app.get("/devices")
def devices(request: Request, caller: ReaderDep, engine: EngineDep, sent: FilledDep) -> Response:
    """Show the inventory that the caller may see."""
    asked = read_fields(InventorySearch, sent)
    found = list_devices(engine, caller, **dict(asked), limit=PAGE)
    providers = list_offered(engine, caller, Field.SERVICE_PROVIDER)
    pages = pages_of(sent, "After", found, "device_tenant_id")
    shown = {"devices": found, "providers": providers, "sent": sent, "pages": pages}
    return render_page(request, "devices.html", caller, "devices", **shown)


@pages_app.get("/devices/{iccid}")
def device(request: Request, caller: ReaderDep, engine: EngineDep, iccid: Iccid, before: Id | None = None) -> Response:
    """Show a device as it is, and who changed what of it, why and when."""
    found, history = device_history(engine, caller, iccid, before=before, limit=HISTORY)
    pages = pages_of({"before": str(before)} if before else {}, "before", history, "history_id", limit=HISTORY)
    shown = {"iccid": iccid, "devices": found, "history": history, "pages": pages}
    return render_page(request, "device.html", caller, "devices", **shown)


@pages_app.get("/findings")
def findings(request: Request, caller: ReaderDep, engine: EngineDep, now: NowDep, sent: FilledDep) -> Response:
    """Show what sweep and reconciliation found, and what to do about it."""
    asked = read_fields(FindingFilters, {"Limit": str(PAGE)} | sent)
    found = list_findings(engine, caller, **dict(asked))
    pages = pages_of(sent, "Before", found, "finding_id", limit=asked.limit)
    query = urlencode({name: value for name, value in sent.items() if name in ("Kind", "OpenOnly")})
    shown = {"findings": found, "sent": sent, "pages": pages, "query": query, "now": now}
    return render_page(request, "findings.html", caller, "findings", **shown)


def render_page(request: Request, template: str, caller: Caller, here: str, **values: Any) -> Response:
    """Return a page for its caller; `here` is its place in the navigation."""
    rights = {"may_create": caller.may(Right.CREATE), "may_edit": caller.may(Right.EDIT)}
    return render(request, template, caller=caller, here=here, zone=caller.time_zone or "UTC", **rights, **values)


def _midnight(day: date | None, caller: Caller) -> datetime | None:
    """Return when a day begins for the caller's tenant."""
    return None if day is None else local_to_utc(datetime.combine(day, time()), caller.time_zone)


def pages_of(sent: dict[str, str], cursor: str, found: Any, key: str, limit: int = PAGE) -> dict[str, str | None]:
    """Return the queries of the first page and of the next; None for the one that this is, or that is not there."""
    first = urlencode({name: value for name, value in sent.items() if name != cursor})
    following = urlencode(sent | {cursor: str(found[-1][key])}) if len(found) == limit else None
    return {"first": f"?{first}" if cursor in sent else None, "following": f"?{following}" if following else None}


def _may_answer(caller: Caller, found: dict[str, Any]) -> bool:
    """Whether the caller may approve or refuse the change: not the person who asked for it."""
    waits = found["status"] == ChangeStatus.PENDING_APPROVAL and found["approval"]
    return bool(waits and caller.may(Right.EDIT) and found["approval"]["asked_by"] != caller.user_name)


def _may_revert(caller: Caller, found: dict[str, Any]) -> bool:
    """Whether the caller may take the change back: it has ended, reached something, and no revert has to do with it."""
    free = found["status"] not in NOT_ENDED and found["reverts"] is None and found["reverted_by"] is None
    reached = any(
        one["status"] in (Row.PROCESSED, Row.API_FAILED) or one["code"] in AFTER_LINES for one in found["codes"]
    )
    return bool(free and reached and caller.may(Right.EDIT) and caller.may(Right.CREATE))


def _naming(engine: Engine, caller: Caller, found: dict[str, Any], shown: Sequence[Record]) -> dict[str, Any]:
    """Return the lines that were named for the devices shown, and the devices whose line the caller may name, by row.

    The latter with the lines that their messages name, to choose from.
    """
    named = list_named_lines(engine, found["bulk_change_id"], [one["row_id"] for one in shown])
    may_name: dict[int, list[str]] = {}
    if found["status"] not in NOT_ENDED and found["reverted_by"] is None and caller.may(Right.EDIT):
        for one in shown:
            known = named.get(one["row_id"])
            has_line = known is not None and known.has_line
            if may_be_named(one["code"], one["status"], was_named=known is not None, has_line=has_line):
                may_name[one["row_id"]] = lines_in(one["message"] or "")
    return {"named": named, "may_name": may_name}


def _retryable(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["codes"] if one["status"] in RETRYABLE]


def _run_path(found: dict[str, Any]) -> str | None:
    """Return where Airflow shows the run: the one at work, the form's own, or those that have been; None for none yet."""
    runs = "/dags/associate_customer/runs"
    only = found["claim_run_id"] or (found["run_key"] if found["retry_number"] == 0 else None)
    if only:
        return f"{runs}/{quote(only, safe='')}"
    if found["steps"]:
        return f"{runs}?{urlencode({'run_id_pattern': 'bulk_change__{bulk_change_id}__'.format(**found)})}"
    return None


def _report_path(found: dict[str, Any], settings: Settings) -> str | None:
    """Return where the report of the data checks is; None while there is none."""
    report = f"{found['bulk_change_id']}/{found['retry_number']}"
    page = report_page(settings.data_docs_dir / report)
    return f"{REPORTS}/data-docs/{report}/{quote(page)}" if page else None

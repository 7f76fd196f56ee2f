"""The screens of bulk changes: their list, and one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from pydantic import Field as Bounds
from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser, Right
from device_association.bulk_changes.close import CodeCount
from device_association.data_checks.report_files import report_page
from device_association.domain.association_request import local_to_utc, read_fields
from device_association.domain.codes import NOT_ENDED, ChangeStatus, DeviceChangeStatus, DeviceCode
from device_association.portal.changes import ChangeDetails, ChangeDevice, describe_change, list_changes, page_devices
from device_association.service_lines.named_lines.naming import list_named_lines, may_be_named
from device_association.settings import Settings
from device_association_airflow.api.dependencies import EngineDep, NowDep, ReaderDep, SettingsDep
from device_association_airflow.api.parameters import ChangeId, DeviceFilters, Id, Parameters, Text
from device_association_airflow.reports.app import PREFIX as REPORTS
from device_association_airflow.ui.labels import lines_in, steps
from device_association_airflow.ui.paging import PAGE, FilledDep, pages_of
from device_association_airflow.ui.rendering import render_page

router = APIRouter()
RETRYABLE = (DeviceChangeStatus.ERROR, DeviceChangeStatus.API_FAILED, DeviceChangeStatus.CANCELED)
AFTER_LINES = (DeviceCode.STEP_FAILED, DeviceCode.DEADLINE_EXCEEDED)
"""With these a device may have got its line before."""
Day = Annotated[date, Bounds(ge=date(1753, 1, 2), le=date(9998, 12, 30))]


class ListFilters(Parameters):
    """What the list shows; days are the tenant's own."""

    status: ChangeStatus | None = None
    created_by: Text | None = None
    customer: Text | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    before: Id | None = None


@router.get("/changes")
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


@router.get("/changes/{change_id}")
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
    problems = sorted(_retryable(found), key=lambda one: -one.devices)
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
        steps=steps(found.steps, found.status, reverts=found.reverts is not None),
        has_ended=found.status not in NOT_ENDED,
        may_answer=_may_answer(caller, found),
        may_revert=_may_revert(caller, found),
        run_path=_run_path(found),
        report_path=_report_path(found, settings),
        now=now,
    )


def _midnight(day: date | None, caller: PortalUser) -> datetime | None:
    """Return when a day begins for the caller's tenant."""
    return None if day is None else local_to_utc(datetime.combine(day, time()), caller.time_zone)


def _may_answer(caller: PortalUser, found: ChangeDetails) -> bool:
    """Whether the caller may approve or refuse the change: not the person who asked for it."""
    approval = found.approval if found.status == ChangeStatus.PENDING_APPROVAL else None
    return approval is not None and caller.may(Right.EDIT) and approval.asked_by != caller.user_name


def _may_revert(caller: PortalUser, found: ChangeDetails) -> bool:
    """Whether the caller may take the change back: it has ended, reached something, and no revert has to do with it."""
    free = found.status not in NOT_ENDED and found.reverts is None and found.reverted_by is None
    reached = any(
        one.status in (DeviceChangeStatus.PROCESSED, DeviceChangeStatus.API_FAILED) or one.code in AFTER_LINES
        for one in found.codes
    )
    return bool(free and reached and caller.may(Right.EDIT) and caller.may(Right.CREATE))


def _naming(engine: Engine, caller: PortalUser, found: ChangeDetails, shown: Sequence[ChangeDevice]) -> dict[str, Any]:
    """Return the lines that were named for the devices shown, and the devices whose line the caller may name, by row.

    The latter with the lines that their messages name, to choose from.
    """
    named = list_named_lines(engine, found.bulk_change_id, [one.row_id for one in shown])
    may_name: dict[int, list[str]] = {}
    if found.status not in NOT_ENDED and found.reverted_by is None and caller.may(Right.EDIT):
        for one in shown:
            known = named.get(one.row_id)
            has_line = known is not None and known.has_line
            if may_be_named(one.code, one.status, was_named=known is not None, has_line=has_line):
                may_name[one.row_id] = lines_in(one.message or "")
    return {"named": named, "may_name": may_name}


def _retryable(found: ChangeDetails) -> list[CodeCount]:
    return [one for one in found.codes if one.status in RETRYABLE]


def _run_path(found: ChangeDetails) -> str | None:
    """Return where Airflow shows the run: the one at work, the form's own, or those that have been; None for none yet."""
    runs = "/dags/associate_customer/runs"
    only = found.claim_run_id or (found.run_key if found.retry_number == 0 else None)
    if only:
        return f"{runs}/{quote(only, safe='')}"
    if found.steps:
        return f"{runs}?{urlencode({'run_id_pattern': f'bulk_change__{found.bulk_change_id}__'})}"
    return None


def _report_path(found: ChangeDetails, settings: Settings) -> str | None:
    """Return where the report of the data checks is; None while there is none."""
    report = f"{found.bulk_change_id}/{found.retry_number}"
    page = report_page(settings.data_docs_dir / report)
    return f"{REPORTS}/data-docs/{report}/{quote(page)}" if page else None

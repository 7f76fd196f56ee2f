"""The findings of sweep and reconciliation: a page of them, and all as a file for a spreadsheet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.findings.store import FindingKind
from device_association.portal.findings import check_sees_findings, finding_lines, list_findings
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.api.parameters import Id, Parameters
from device_association_airflow.api.routes.changes import csv_file, page

findings = APIRouter()


class Which(Parameters):
    """Which findings are meant; without `OpenOnly=false` those that are still there."""

    kind: FindingKind | None = None
    open_only: bool = True


class FindingFilters(Which):
    """Which findings are listed; `Before` is the `Next` of the page before."""

    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Field(ge=1, le=500)] = 50


@findings.get("/Findings")
def listed(caller: ReaderDep, engine: EngineDep, filters: Annotated[FindingFilters, Query()]) -> dict[str, Any]:
    """Return the findings of the caller's tenant, newest first, with what to do about each."""
    found = list_findings(engine, caller, **dict(filters))
    return page("Findings", found, filters.limit, "finding_id")


@findings.get("/Findings.csv", response_class=StreamingResponse)
def file(caller: ReaderDep, engine: EngineDep, which: Annotated[Which, Query()]) -> StreamingResponse:
    """Return the findings of the caller's tenant as a file for a spreadsheet."""
    check_sees_findings(caller)
    return csv_file("findings.csv", finding_lines(engine, caller, **dict(which)))

"""The findings of sweep and reconciliation: a page of them, and all as a file for a spreadsheet."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from device_association.portal.findings import check_sees_findings, finding_lines, list_findings
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.api.paging import csv_file, page
from device_association_airflow.api.parameters import FindingFilters, FindingPage

findings = APIRouter()


@findings.get("/Findings")
def listed(caller: ReaderDep, engine: EngineDep, filters: Annotated[FindingPage, Query()]) -> dict[str, Any]:
    """Return the findings of the caller's tenant, newest first, with what to do about each."""
    found = list_findings(engine, caller, **dict(filters))
    return page("Findings", found, filters.limit, "finding_id")


@findings.get("/Findings.csv", response_class=StreamingResponse)
def file(caller: ReaderDep, engine: EngineDep, filters: Annotated[FindingFilters, Query()]) -> StreamingResponse:
    """Return the findings of the caller's tenant as a file for a spreadsheet."""
    check_sees_findings(caller)
    return csv_file("findings.csv", finding_lines(engine, caller, **dict(filters)))

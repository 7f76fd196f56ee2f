"""The screen of what sweep and reconciliation found."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from device_association.domain.association_request import read_fields
from device_association.portal.findings import list_findings
from device_association_airflow.api.dependencies import EngineDep, NowDep, ReaderDep
from device_association_airflow.api.parameters import FindingPage
from device_association_airflow.ui.paging import PAGE, FilledDep, pages_of
from device_association_airflow.ui.rendering import render_page

router = APIRouter()


@router.get("/findings")
def findings(request: Request, caller: ReaderDep, engine: EngineDep, now: NowDep, sent: FilledDep) -> Response:
    """Show what sweep and reconciliation found, and what to do about it."""
    asked = read_fields(FindingPage, {"Limit": str(PAGE)} | sent)
    found = list_findings(engine, caller, **dict(asked))
    pages = pages_of(sent, "Before", found, "finding_id", limit=asked.limit)
    query = urlencode({name: value for name, value in sent.items() if name in ("Kind", "OpenOnly")})
    shown = {"findings": found, "sent": sent, "pages": pages, "query": query, "now": now}
    return render_page(request, "findings.html", caller, "findings", **shown)

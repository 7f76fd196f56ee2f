"""The screen of when a change has to be approved."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from device_association.requests import approval_rules
from device_association.requests import approvals as rules
from device_association_airflow.api.dependencies import EngineDep, ReaderDep
from device_association_airflow.ui.rendering import render_page

router = APIRouter()


@router.get("/approval")
def screen(request: Request, caller: ReaderDep, engine: EngineDep) -> Response:
    """Show when a change of the caller's tenant has to be approved."""
    hours = rules.ANSWERED_WITHIN // timedelta(hours=1)
    return render_page(
        request,
        "approval.html",
        caller,
        "approval",
        rule=approval_rules.find_rule(engine, caller.tenant_id),
        hours=hours,
    )

"""The screen with the form that associates devices."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from device_association.domain.advice import ADVICE
from device_association.portal.inventory import Field, list_offered
from device_association_airflow.api.dependencies import CreatorDep, EngineDep, SettingsDep
from device_association_airflow.ui.rendering import render_page

router = APIRouter()


@router.get("/associate")
def associate(request: Request, caller: CreatorDep, engine: EngineDep, settings: SettingsDep) -> Response:
    """Show the form that associates devices."""
    providers = list_offered(engine, caller, Field.SERVICE_PROVIDER)
    words = {code: {"title": one.title, "todo": one.to_do} for code, one in ADVICE.items()}
    shown = {"providers": providers, "most": settings.max_devices, "advice_words": words}
    return render_page(request, "associate.html", caller, "associate", **shown)

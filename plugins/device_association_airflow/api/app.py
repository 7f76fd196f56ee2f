"""The portal's API in Airflow's api-server, at /M2M; its rules are in `device_association`."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse

from device_association_airflow.api.dependencies import ReaderDep, signed_in
from device_association_airflow.api.errors import REFUSALS, answer_refusals
from device_association_airflow.api.routes.actions import actions
from device_association_airflow.api.routes.approvals import approvals
from device_association_airflow.api.routes.changes import changes
from device_association_airflow.api.routes.dead_letters import dead_letters
from device_association_airflow.api.routes.events import events
from device_association_airflow.api.routes.findings import findings
from device_association_airflow.api.routes.inventory import inventory
from device_association_airflow.api.routes.requests import requests
from device_association_airflow.api.same_origin import require_same_origin
from device_association_airflow.ui.views import PREFIX as SCREENS
from device_association_airflow.ui.views import pages_app

PREFIX = "/M2M"

portal_app = FastAPI(
    title="Device association",
    description="Associates devices with customers in bulk, and shows what became of them.",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    redirect_slashes=False,
    responses=REFUSALS,
    dependencies=[Depends(signed_in), Depends(require_same_origin)],
)
answer_refusals(portal_app)
for router in (requests, changes, actions, approvals, events, inventory, findings, dead_letters):
    portal_app.include_router(router)


def lead_to_screens(request: Request) -> Response:
    """Lead from the screens' address without its slash, which a mounted app never gets, to their list."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{SCREENS}/changes", 302)


portal_app.add_route(SCREENS, lead_to_screens, include_in_schema=False)
portal_app.mount(SCREENS, pages_app)


@portal_app.get("/openapi.json", include_in_schema=False)
def describe(_caller: ReaderDep) -> dict[str, Any]:
    """Return the description of this API."""
    return get_openapi(
        title=portal_app.title,
        version="1",
        description=portal_app.description,
        routes=portal_app.routes,
        servers=[{"url": PREFIX}],
    )

"""The portal's API in Airflow's api-server, at /M2M; its rules are in `device_association`."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi

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

PREFIX = "/M2M"


def create_api() -> FastAPI:
    """Return the API with all of its addresses; the caller may mount more beside them."""
    api = FastAPI(
        title="Device association",
        description="Associates devices with customers in bulk, and shows what became of them.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses=REFUSALS,
        dependencies=[Depends(signed_in), Depends(require_same_origin)],
    )
    answer_refusals(api)
    for router in (requests, changes, actions, approvals, events, inventory, findings, dead_letters):
        api.include_router(router)

    @api.get("/openapi.json", include_in_schema=False)
    def describe(_caller: ReaderDep) -> dict[str, Any]:
        """Return the description of this API."""
        return get_openapi(
            title=api.title,
            version="1",
            description=api.description,
            routes=api.routes,
            servers=[{"url": PREFIX}],
        )

    return api

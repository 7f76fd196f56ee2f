"""The portal as the api-server serves it at /M2M: the API, and the screens under /ui beside it.

The screens work on their own address as well as in Airflow's frame. What moves on a page asks the API.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from device_association_airflow.api.app import create_api
from device_association_airflow.api.dependencies import ReaderDep, signed_in
from device_association_airflow.ui.errors import refuse_with_pages
from device_association_airflow.ui.rendering import asset
from device_association_airflow.ui.views import approval, associate, changes, dead_letters, findings, inventory

PREFIX = "/ui"

pages_app = FastAPI(
    title="Device association screens",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    redirect_slashes=False,
    dependencies=[Depends(signed_in)],
)
refuse_with_pages(pages_app)
for view in (associate, changes, inventory, findings, approval, dead_letters):
    pages_app.include_router(view.router)


@pages_app.get("/assets/{name}")
def asset_file(name: str) -> Response:
    """Return a file that the pages name."""
    found = asset(name)
    if found is None:
        raise HTTPException(404)
    return found


@pages_app.get("/")
def home(request: Request, caller: ReaderDep) -> Response:  # noqa: ARG001 -- asking for it refuses who may not read
    """Lead to the list."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/changes", 302)


def lead_to_screens(request: Request) -> Response:
    """Lead from the screens' address without its slash, which a mounted app never gets, to their list."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PREFIX}/changes", 302)


portal_app = create_api()
portal_app.add_route(PREFIX, lead_to_screens, include_in_schema=False)
portal_app.mount(PREFIX, pages_app)

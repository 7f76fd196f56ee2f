"""How the screens refuse: a page in words; who isn't signed in is led to Airflow's sign-in and back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from device_association.domain.codes import HTTP_STATUS, RequestCode
from device_association.domain.errors import DatabaseUnavailable, Refusal, RequestRefused
from device_association_airflow.ui.rendering import HEADERS, render

TITLES = {403: "Not allowed", 404: "Not found", 422: "This address can't be read", 503: "Out of reach for a moment"}
log = logging.getLogger(__name__)


def refuse_with_pages(app: FastAPI) -> None:
    """Let an app answer every refusal with a page."""
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(DatabaseUnavailable, _unavailable)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused), "registered for it"
    return _page(request, error.refusals, HTTP_STATUS.get(error.refusals[0].code, 422))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), "registered for it"
    found = [Refusal(RequestCode.INVALID_REQUEST, str(one["loc"][-1])[:100], str(one["msg"])) for one in error.errors()]
    return _page(request, found, 422)


def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for it"
    if error.status_code in (401, 403):
        return _sign_in(request)
    said = "There is nothing at this address; check it, or start from the list of bulk changes."
    return _page(request, [Refusal(RequestCode.NOT_FOUND, "address", said)], error.status_code)


def _unavailable(request: Request, error: Exception) -> Response:
    log.error("%s", error)
    said = "The portal's database does not answer; load the page again in a moment."
    return _page(request, [Refusal(RequestCode.SERVICE_UNAVAILABLE, "request", said)], 503)


def _sign_in(request: Request) -> Response:
    log.warning("denied to nobody signed in: %s %s", request.method, request.scope.get("root_path"))
    airflow = request.scope.get("root_path", "").removesuffix("/ui").removesuffix("/M2M")
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{airflow}/api/v2/auth/login?{urlencode({'next': back})}", 302, headers=HEADERS)


def _page(request: Request, refusals: Sequence[Refusal], status: int) -> Response:
    if status in (403, 404):
        user, route = getattr(request.state, "user_name", None), request.scope.get("route")
        codes = ", ".join(one.code for one in refusals)
        log.warning("denied to %r: page %s: %s", user, getattr(route, "path", "no such page"), codes)
    title = TITLES.get(status, "This can't be shown")
    return render(request, "problem.html", status=status, title=title, refusals=refusals, caller=None, here="")

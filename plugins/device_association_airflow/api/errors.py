"""How the portal answers: results in PascalCase, refusals in the contract's shape, denials in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from device_association.database.dialects import is_transient
from device_association.domain.codes import HTTP_STATUS, RequestCode
from device_association.domain.errors import ConfigurationError, DatabaseUnavailable, Refusal, RequestRefused

DENIALS = frozenset({401, 403, 404})
OF_FRAMEWORK = {
    401: (RequestCode.NOT_SIGNED_IN, "sign in to Airflow, or send a valid token"),
    403: (RequestCode.NOT_SIGNED_IN, "the token is not valid; sign in again"),
    404: (RequestCode.NOT_FOUND, "there is nothing at this address; check it"),
    405: (RequestCode.METHOD_NOT_ALLOWED, "this address does not take this method"),
}
"""What the framework's own refusals mean here, by their status."""
log = logging.getLogger(__name__)


class Problem(BaseModel):
    """One reason of a refusal."""

    Code: str
    Field: str
    Message: str


class Refused(BaseModel):
    """The answer to a request that was refused; nothing was stored."""

    Success: bool = False
    Message: str
    Errors: list[Problem]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": said}
    for status, said in (
        (401, "Not signed in"),
        (403, "Not allowed"),
        (404, "Not there, or not the caller's to see"),
        (409, "Does not fit the state of things"),
        (413, "Too much in one request"),
        (422, "A field is wrong; the answer names it"),
        (429, "Too many at once"),
        (503, "The database does not answer; send it again later"),
    )
}


def answer_refusals(app: FastAPI) -> None:
    """Let an app answer every refusal in the contract's shape."""
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_framework)
    for error in (DatabaseUnavailable, ConfigurationError, DBAPIError):
        app.add_exception_handler(error, _unavailable)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestRefused), "registered for it"
    return _answer(request, error.refusals)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError), "registered for it"
    return _answer(request, [_of_detail(detail) for detail in error.errors()])


def _of_detail(detail: Mapping[str, Any]) -> Refusal:
    field = ".".join(str(part) for part in detail["loc"][1:]) or "body"
    said = "this parameter is not known; remove it" if detail["type"] == "extra_forbidden" else f"{detail['msg']}"
    return Refusal(RequestCode.INVALID_REQUEST, field[:100], said)


def _of_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException), "registered for it"
    code, said = OF_FRAMEWORK.get(error.status_code, (RequestCode.INVALID_REQUEST, str(error.detail)))
    status = 401 if code == RequestCode.NOT_SIGNED_IN else error.status_code
    return _answer(request, [Refusal(code, "request", said)], status=status, headers=error.headers)


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    """Answer what a person cannot mend; an error of the database that will come again is ours, and is raised."""
    if isinstance(error, DBAPIError) and not is_transient(error):
        raise error
    log.error("%s", error)
    said = "the portal's database does not answer; send it again in a moment"
    return _answer(request, [Refusal(RequestCode.SERVICE_UNAVAILABLE, "request", said)], headers={"Retry-After": "10"})


def _answer(
    request: Request,
    refusals: Sequence[Refusal],
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    status = status or HTTP_STATUS.get(refusals[0].code, 422)
    if status in DENIALS:
        route = request.scope.get("route")
        user, codes = getattr(request.state, "user_name", None), ", ".join(one.code for one in refusals)
        log.warning("denied to %r: %s %s: %s", user, request.method, getattr(route, "path", "no such route"), codes)
    problems = [{"Code": one.code, "Field": one.field, "Message": one.message} for one in refusals]
    body = {"Success": False, "Message": "; ".join(map(str, refusals[:5])), "Errors": problems}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))

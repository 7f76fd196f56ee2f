"""Who may ask the portal's API at all, from where, and how every refusal looks."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta

import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import Engine

from device_association.database.execution import make_engine
from device_association_airflow.api.dependencies import portal_now
from device_association_airflow.ui.app import portal_app
from tests.portal_client import Portal, portal_client

ROUTE = "/openapi.json"


@pytest.mark.only_reads
def test_a_caller_with_access_gets_an_answer_and_others_the_contract_s_refusal(api: Portal) -> None:
    assert api.get(ROUTE, "vic.viewer").status_code == 200
    for user, status, code in ((None, 401, "NOT_SIGNED_IN"), ("nobody", 403, "PERMISSION_DENIED")):
        refused = api.get(ROUTE, user)
        assert refused.status_code == status
        assert set(refused.json()) == {"Success", "Message", "Errors"}
        assert refused.json()["Success"] is False
        assert [one["Code"] for one in refused.json()["Errors"]] == [code]


@pytest.mark.only_reads
def test_the_description_is_valid_and_tells_every_address_with_what_it_may_answer(api: Portal) -> None:
    described = api.get(ROUTE).json()
    OpenAPIV31SpecValidator(described).validate()
    served = {route.path for route in portal_app.routes if isinstance(route, APIRoute) and route.include_in_schema}
    assert set(described["paths"]) == served
    post = described["paths"]["/AssociateCustomer"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"]["RevCustomerId"] == "4711"
    assert {"200", "401", "403", "404", "409", "413", "422"} <= post["responses"].keys()


@pytest.mark.only_reads
def test_a_denial_is_logged_with_who_and_what(api: Portal, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        api.get(ROUTE, "nobody")
    (line,) = [one.getMessage() for one in caplog.records if "denied" in one.getMessage()]
    assert line == "denied to 'nobody': GET /openapi.json: PERMISSION_DENIED"


@pytest.mark.only_reads
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "NOT_FOUND"), ("DELETE", ROUTE, 405, "METHOD_NOT_ALLOWED")],
)
def test_an_address_or_method_that_is_none_is_refused_in_the_same_shape(
    api: Portal, method: str, path: str, status: int, code: str
) -> None:
    refused = api.ask(method, path)
    assert (refused.status_code, refused.json()["Errors"][0]["Code"]) == (status, code)


def test_a_database_that_does_not_answer_is_said_so_without_its_address() -> None:
    with portal_client(make_engine("postgresql+psycopg2://nobody:secret@127.0.0.1:1/nowhere")) as api:
        refused = api.get("/BulkChanges")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    assert refused.json()["Errors"][0]["Code"] == "SERVICE_UNAVAILABLE"
    assert "127.0.0.1" not in refused.text


def test_now_is_what_the_portal_s_database_says(portal: Engine) -> None:
    first, second = portal_now(portal), portal_now(portal)
    assert abs(second - first) < timedelta(minutes=1)
    assert first.tzinfo is UTC

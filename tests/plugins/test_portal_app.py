"""Who may ask the portal's API at all, from where, and how every refusal looks."""

from __future__ import annotations

import logging

import pytest

from tests.portal_client import Portal

ROUTE = "/openapi.json"


def test_a_caller_with_access_gets_an_answer_and_others_the_contract_s_refusal(api: Portal) -> None:
    assert api.get(ROUTE, "vic.viewer").status_code == 200
    for user, status, code in ((None, 401, "NOT_SIGNED_IN"), ("nobody", 403, "PERMISSION_DENIED")):
        refused = api.get(ROUTE, user)
        assert refused.status_code == status
        assert set(refused.json()) == {"Success", "Message", "Errors"}
        assert refused.json()["Success"] is False
        assert [one["Code"] for one in refused.json()["Errors"]] == [code]


def test_a_denial_is_logged_with_who_and_what(api: Portal, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        api.get(ROUTE, "nobody")
    (line,) = [one.getMessage() for one in caplog.records if "denied" in one.getMessage()]
    assert line == "denied to 'nobody': GET /openapi.json: PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "NOT_FOUND"), ("DELETE", ROUTE, 405, "METHOD_NOT_ALLOWED")],
)
def test_an_address_or_method_that_is_none_is_refused_in_the_same_shape(
    api: Portal, method: str, path: str, status: int, code: str
) -> None:
    refused = api.ask(method, path)
    assert (refused.status_code, refused.json()["Errors"][0]["Code"]) == (status, code)

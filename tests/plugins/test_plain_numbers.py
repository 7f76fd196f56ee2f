"""Numbers in addresses, headers, forms and connection extras: plain digits, or refused with field and value."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import Param

from device_association.domain.errors import ConfigurationError
from device_association_airflow import trigger_form
from device_association_airflow.connections import _whole
from device_association_airflow.trigger_form import request_of
from tests.portal_client import Portal

STRANGE = ["1_0", " 5 ", "+5", "²", "٥", "５", "5.0", "0x5"]
QUERIES = [
    *("/BulkChanges?Before={}", "/BulkChanges?Limit={}", "/BulkChanges/1/devices?After={}", "/Devices?Limit={}"),
    *("/Devices?ServiceProviderId={}", "/Customers?Limit={}", "/Findings?Before={}", "/Findings?Limit={}"),
    *("/DeadLetters?Before={}", "/DeadLetters?Limit={}", "/ui/devices?After={}", "/ui/changes?Before={}"),
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_strange_number_of_an_address_is_refused_with_its_parameter(screens: Portal, query: str) -> None:
    for text in STRANGE:
        answer = screens.get(query.format(quote(text)))
        assert answer.status_code == 422, text
        assert query.split("?")[1].split("=")[0] in answer.text
        assert "plain digits" in answer.text


@pytest.mark.parametrize("text", STRANGE)
def test_a_change_is_found_by_its_plain_id_only(screens: Portal, text: str) -> None:
    assert screens.get(f"/BulkChanges/{quote(text)}").status_code == 422
    assert screens.get(f"/ui/changes/{quote(text)}").status_code == 422


@pytest.mark.parametrize("value", [*STRANGE, "", 5.9, True, None, [5]])
def test_a_strange_limit_of_a_connection_is_named_with_its_value(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"revio_x.*calls_per_minute") as problem:
        _whole("revio_x", {"calls_per_minute": value}, "calls_per_minute")
    assert repr(value) in str(problem.value)


def test_a_plain_limit_of_a_connection_is_read_as_text_or_number() -> None:
    assert [_whole("x", {"n": value}, "n") for value in (500, "500", 0)] == [500, 500, 0]


@pytest.mark.parametrize("text", ["1_0", "+5", "²", "٥", "５", "5.0", "9" * 5000])
def test_a_strange_product_of_the_form_goes_to_the_request_s_rules_as_it_is(text: str) -> None:
    assert request_of({"RevProductIdList": [text, " 7 "]})["RevProductIdList"] == [text, 7]


def test_a_strange_choice_does_not_keep_the_form_from_being_read() -> None:
    offered = trigger_form.association_form({"ServiceTypeId": {"5": "Data", "²": "Strange"}})
    field: Param = offered["ServiceTypeId"]
    assert field.schema["enum"] == [None, 5]


@pytest.mark.parametrize("length", ["²", "1_000", "9" * 5000, "-1"])
def test_a_strange_content_length_is_no_error_of_ours(api: Portal, length: str) -> None:
    headers = {"Content-Length": length.encode("latin-1")}
    assert api.ask("POST", "/AssociateCustomer/preview", content=b"{}", headers=headers).status_code in (413, 422)

"""Only plain digits are a number: what Python would also read is refused, with the field and the value."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from device_association.data_checks import gate
from device_association.domain.association_request import parse_request
from device_association.domain.errors import ConfigurationError, RequestRefused
from device_association.domain.plain_numbers import plain_whole
from device_association.maintenance.letter_store import DeadLetter, content_of
from device_association.messaging.messages import Cause, read_message
from device_association.requests.payloads import read_payload
from device_association.service_lines.journal.products import ProductStep
from device_association.service_lines.lookups.known import ShownLine
from device_association.service_lines.products import product_body
from local.sample_data import groups, world
from tests.devices import slice_device
from tests.flow import NOW, Flow, request

STRANGE = ["4_711", " 5 ", "5\n", "+5", "²", "٥", "５", "5.0", "0x5", "--5", "- 5", "", "five"]
STRANGE_DECIMALS = ["1_000", " 5 ", "5\n", "+5", "²", "٥", "５", "1__0", "_1", "0x5", "", "five"]
CUSTOMER = str(world.customer_id(world.ACME))
NUMBERS = [
    *("DeviceId", "ServiceTypeId", "RevPackageId", "IntegrationAuthenticationId", "SiteId", "ProviderId"),
    *("UsagePlanGroupId", "CustomerRatePlan", "CustomerRatePool"),
]


@pytest.mark.parametrize("text", STRANGE)
def test_no_strange_text_is_a_whole_number(text: str) -> None:
    assert plain_whole(text) is None


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-5", -5), ("007", 7), ("9" * 19, 10**19 - 1)])
def test_plain_digits_are_a_whole_number(text: str, number: int) -> None:
    assert plain_whole(text) == number
    assert plain_whole("9" * 5000) is None


def payload(field: str, value: object) -> str:
    text = {"RevCustomerId": CUSTOMER, field: value}
    return json.dumps(text)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", [*STRANGE[:8], True])
def test_a_strange_number_of_a_payload_is_refused_with_its_field_and_value(field: str, value: object) -> None:
    shown = json.dumps(value)
    with pytest.raises(ValueError, match=f"^{field}: ") as problem:
        read_payload(payload(field, value))
    assert f"{shown} was sent" in str(problem.value)


@pytest.mark.parametrize("value", STRANGE_DECIMALS)
def test_a_strange_amount_is_refused_by_payload_and_request_alike(value: str) -> None:
    for field in ("RateList", "CustomerDataAllocationMB"):
        sent = [value] if field == "RateList" else value
        with pytest.raises(ValueError, match=f"^{field}"):
            read_payload(payload(field, sent))
        with pytest.raises(RequestRefused, match=field) as problem:
            parse_request(request(groups().plain[:1], **{field: sent}), max_devices=5)
        assert "was sent" in str(problem.value)


def test_plain_texts_and_numbers_of_a_payload_are_read_as_before() -> None:
    read = read_payload(payload("CustomerRatePlan", "17"))
    assert read.customer_rate_plan == 17
    assert read_payload(payload("CustomerRatePlan", 17)).customer_rate_plan == 17
    for text, amount in (("1E+3", "1000"), (".5", "0.5"), ("-1.5", "-1.5"), ("12.", "12")):
        assert read_payload(payload("RateList", [text])).rate_list == (Decimal(amount),)
    assert read_payload(payload("RateList", [1.5])).rate_list == (Decimal("1.5"),)


@pytest.mark.parametrize("field", ["CustomerRatePlan", "CustomerRatePool"])
@pytest.mark.parametrize("value", STRANGE)
def test_a_strange_plan_id_of_a_request_is_refused_with_its_field(field: str, value: str) -> None:
    with pytest.raises(RequestRefused, match=field):
        parse_request(request(groups().plain[:1], **{field: value}), max_devices=5)


@pytest.mark.parametrize("name", ["BulkChangeId", "RetryNumber"])
@pytest.mark.parametrize("value", [*STRANGE, "9" * 5000])
def test_a_strange_number_of_a_message_is_said_with_its_field(name: str, value: str) -> None:
    said = {"BulkChangeId": "1", "RetryNumber": "0"} | {name: value}
    attributes = {key: {"StringValue": one, "DataType": "String"} for key, one in said.items()}
    with pytest.raises(ValueError, match=f"^{name} must be a whole number"):
        read_message({"Body": "filler", "MessageAttributes": attributes})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1764000000000", datetime(2025, 11, 24, 16, 0, tzinfo=UTC)),
        ("²", None),
        ("1_0", None),
        ("9" * 19, None),
        (None, None),
    ],
)
def test_a_dead_letter_whose_date_is_strange_is_kept_without_one(sent: Any, kept: datetime | None) -> None:
    received = {"MessageId": "x", "Body": "", "Attributes": {} if sent is None else {"SentTimestamp": sent}}
    letter = DeadLetter(received, None, Cause.UNREADABLE, "no message")
    assert content_of(letter)["sent"] == kept


@pytest.mark.parametrize("number", ["4_711", "²", "٤٧١١", " 5 "])
def test_a_strange_customer_number_stops_the_product_s_call_by_name(number: str) -> None:
    step = ProductStep(1, 0, None, None, "PLANNED", None)
    with pytest.raises(ConfigurationError, match="customer number"):
        product_body(slice_device(customer_number=number), 5, step)


def test_a_line_that_was_kept_with_a_strange_customer_number_is_one_that_cannot_be_judged() -> None:
    shown = ShownLine(5, "4_711", None, None, None, None)
    assert shown.as_line().flaw() == "its customer_id cannot be read"
    assert replace(shown, customer_number="4711").as_line().customer_id == 4711


def test_an_iccid_in_other_digits_costs_the_data_checks_no_error(flow: Flow) -> None:
    change_id = flow.create(request(groups().plain[:2])).change_id
    table = flow.table("dbo", "m2m_devicechange")
    with flow.portal.begin() as connection:
        written = table.update().where(table.c.bulkchangeid == change_id, table.c.iccid == groups().plain[0])
        connection.execute(written.values(iccid="²" * 19))
    frame, _ = gate.load_frame(flow.portal, change_id, NOW)
    assert sorted(frame["luhn_holds"]) == [False, True]

"""Whatever is sent, the answer is one of the documented ones, and never an error of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_association.domain.association_request import AssociateCustomer
from local.sample_data import groups
from tests.flow import request
from tests.hunts import few_and_many
from tests.portal_client import Portal

FIELDS = [str(field.alias) for field in AssociateCustomer.model_fields.values()]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.sampled_from(["\0", "\ud800", "9" * 5000, "1e400", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00"]),
    st.sampled_from(["2026-03-08T02:30:00", "1753-01-01", "'; DROP TABLE dbo.Device; --", "=1+1", "<script>", "../.."]),
    st.datetimes().map(str),
    st.decimals().map(str),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.dictionaries(st.text(max_size=5), SCALARS, max_size=2))
READS = [
    ("/BulkChanges", ["Status", "CreatedBy", "Customer", "Since", "Until", "Before", "Limit"]),
    ("/BulkChanges/1/devices", ["Status", "Code", "After", "Limit"]),
    ("/BulkChanges/1/log", ["After", "Limit"]),
    ("/Devices", ["Search", "ServiceProviderId", "After", "Limit"]),
    ("/Customers", ["Search", "After", "Limit"]),
    ("/Products", ["ServiceProviderId", "RevCustomerId"]),
    ("/CustomerRatePlans", ["ServiceProviderId", "RevCustomerId"]),
]
PATHS = ["/BulkChanges/{}", "/BulkChanges/{}/log", "/BulkChanges/1/results/{}.csv", "/Devices/{}/history", "/{}"]
FUZZ = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
FEW, MANY = 20, 150
DOCUMENTED = {200, 403, 404, 405, 409, 413, 422}


def check(answer: Any) -> None:
    assert answer.status_code in DOCUMENTED, answer.text
    if answer.status_code != 200:
        assert answer.json()["Success"] is False
        assert all(one["Code"] and one["Field"] and one["Message"] for one in answer.json()["Errors"])


@few_and_many(FEW, MANY)
def test_no_value_of_a_field_is_an_error_of_ours(api: Portal, examples: int) -> None:
    @settings(FUZZ, max_examples=examples)
    @given(changes=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3))
    def send(changes: dict[str, Any]) -> None:
        body = json.dumps(request(groups().plain[:1]) | changes)
        check(api.ask("POST", "/AssociateCustomer/preview", content=body.encode()))

    send()


@few_and_many(FEW, MANY)
def test_no_body_is_an_error_of_ours(api: Portal, examples: int) -> None:
    text = st.text(alphabet='{}[]",:-0123eE.NaInfty\\u\0 ', max_size=60)

    @settings(FUZZ, max_examples=examples)
    @given(body=st.binary(max_size=60) | text.map(str.encode))
    def send(body: bytes) -> None:
        check(api.ask("POST", "/AssociateCustomer", content=body))

    send()


@few_and_many(FEW, MANY)
def test_no_parameter_is_an_error_of_ours(api: Portal, examples: int) -> None:
    text = st.text(max_size=30).filter(lambda one: one.isprintable() or "\0" in one) | st.integers().map(str)

    @settings(FUZZ, max_examples=examples)
    @given(data=st.data())
    def send(data: st.DataObject) -> None:
        path, names = data.draw(st.sampled_from(READS))
        chosen = data.draw(st.dictionaries(st.sampled_from(names), text | st.datetimes().map(str), max_size=3))
        params = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in chosen.items())
        check(api.get(f"{path}?{params}"))

    send()


@few_and_many(FEW, MANY)
def test_no_address_is_an_error_of_ours(api: Portal, examples: int) -> None:
    @settings(FUZZ, max_examples=examples)
    @given(path=st.sampled_from(PATHS), part=st.text(min_size=1, max_size=30) | st.integers().map(str))
    def send(path: str, part: str) -> None:
        check(api.get(path.format(quote(part, safe="", errors="replace"))))

    send()

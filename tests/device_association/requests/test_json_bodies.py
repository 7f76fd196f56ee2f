"""A body is read as it was meant, or refused with the field that is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from device_association.domain.errors import RequestRefused
from device_association.requests.json_bodies import read_json_object


def test_decimals_stay_exact_and_whole_numbers_whole() -> None:
    assert read_json_object(b'{"RateList": [0.10, 3], "Devices": ["8901"]}') == {
        "RateList": [Decimal("0.10"), 3],
        "Devices": ["8901"],
    }


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (b"", "body", "no JSON"),
        (b"{", "body", "line 1, column 2"),
        (b"[1]", "body", "no JSON object"),
        (b'"x"', "body", "no JSON object"),
        (b"\xff{}", "body", "UTF-8"),
        (b'{"Devices": [], "Devices": ["8901"]}', "Devices", "there twice"),
        (b'{"Devices": [{"A": 1, "A": 2}]}', "A", "there twice"),
        (b'{"RateList": [NaN]}', "body", "NaN is no number"),
        (b'{"RateList": [-Infinity]}', "body", "-Infinity is no number"),
        (b'{"ServiceProviderId": ' + b"9" * 5000 + b"}", "body", "5000 characters"),
        (b'{"RateList": [1e' + b"9" * 5000 + b"]}", "body", "characters"),
        (b'{"A": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body", "nested too deeply"),
    ],
)
def test_what_two_readers_could_take_differently_is_refused(body: bytes, field: str, said: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_json_object(body)
    (problem,) = refused.value.refusals
    assert (problem.code, problem.field) == ("INVALID_REQUEST", field)
    assert said in problem.message

"""Reads a request's JSON body as it was meant, or says what is wrong with it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused

MAX_DIGITS = 100
"""Longest number that is read; no field takes one that long."""


def read_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, numbers with a point as decimals; raise RequestRefused for anything else.

    Its values are Any, since they are what a person sent; the request's model says what each has to be.

    A key that is there twice, NaN and infinities are refused: each reader would take them differently.
    """
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_each_key_once,
            parse_constant=_no_number,
            parse_float=_decimal,
            parse_int=_whole,
        )
    except UnicodeDecodeError:
        raise _refused("body", "the body is not UTF-8; send JSON in UTF-8") from None
    except json.JSONDecodeError as problem:
        text = f"the body is no JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}"
        raise _refused("body", f"{text}; correct it there") from None
    except RecursionError:
        raise _refused("body", "the body is nested too deeply; send one flat object") from None
    if not isinstance(found, dict):
        raise _refused("body", "the body is no JSON object; send one with the fields of the request")
    return found


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(twice[:100], "this field is there twice; send it once")
    return found


def _no_number(name: str) -> NoReturn:
    raise _refused("body", f"{name} is no number that JSON knows; send a number or leave the field out")


def _decimal(digits: str) -> Decimal:
    return Decimal(_short(digits))


def _whole(digits: str) -> int:
    return int(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > MAX_DIGITS:
        raise _refused("body", f"a number of {len(digits)} characters is in the body; no field takes one that long")
    return digits


def _refused(field: str, message: str) -> RequestRefused:
    return RequestRefused([Refusal(RequestCode.INVALID_REQUEST, field, message)])

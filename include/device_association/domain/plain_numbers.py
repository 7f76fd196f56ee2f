"""Numbers that come as text: only plain ASCII digits are one, whatever Python's `int` and `Decimal` would also read.

These take "4_711", " 5 ", "+5" and digits of other scripts for numbers, which no database and no other program does.
"""

from __future__ import annotations

import re

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def plain_whole(text: str) -> int | None:
    """Return the whole number that a text of plain digits spells; None for any other text, and for more than 19 digits."""
    return int(text) if WHOLE.fullmatch(text) else None


def _whole(sent: object) -> object:
    if isinstance(sent, bool) or (isinstance(sent, str) and plain_whole(sent) is None):
        raise PydanticCustomError("int_parsing", "Input should be a whole number in plain digits")
    return sent


def _decimal(sent: object) -> object:
    if isinstance(sent, bool) or (isinstance(sent, str) and not DECIMAL.fullmatch(sent)):
        raise PydanticCustomError("decimal_parsing", "Input should be a number in plain digits")
    return sent


PLAIN_WHOLE = BeforeValidator(_whole)
"""Refuses a text that is not a whole number in plain digits; a number passes."""
PLAIN_DECIMAL = BeforeValidator(_decimal)
"""Refuses a text that is not a decimal number in plain digits; a number, NaN apart, passes."""

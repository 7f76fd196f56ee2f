"""Which numbers name the same SIM, however they are spelled. Source: the Rev.io contract, 'The lines of a SIM'.

The views `device_association.sim_key` and `device_association.line_key` say the same in SQL; a test compares them.
"""

from __future__ import annotations

import re
from math import isfinite, ulp

BLANKS = " \t\n\v\f\r\u00a0"
"""What counts as blank, the no-break space of spreadsheets included: listed, since no database means the same by `\\s`."""
ICCID_FILLER = re.compile(f"[{BLANKS}-]+")
NOT_A_DIGIT = re.compile(r"[^0-9]")
DIGITS = re.compile(r"[0-9]+")
ROUNDED_DIGITS = 16
"""How many first digits a float keeps of an ICCID, give or take one in the last."""
NATIONAL_DIGITS = 10
"""Digits of a North American number without its country code 1."""


def iccid_digits(text: str | None) -> str | None:
    """Return the digits of an ICCID without blanks, hyphens and one trailing F; None where anything else is left."""
    digits = ICCID_FILLER.sub("", text or "")
    digits = digits[:-1] if digits[-1:] in {"F", "f"} else digits
    return digits if DIGITS.fullmatch(digits) else None


def iccid_keys(text: str | None) -> frozenset[str]:
    """Return the digit strings that name the same SIM as an ICCID: its digits, and these with or without a check digit.

    An ICCID of 19 digits equals the one of 20 that adds the Luhn digit; empty for a text that is not an ICCID.
    """
    digits = iccid_digits(text)
    if digits is None:
        return frozenset()
    if len(digits) == 19:
        return frozenset({digits, digits + luhn_digit(digits)})
    if len(digits) == 20 and luhn_digit(digits[:19]) == digits[19]:
        return frozenset({digits, digits[:19]})
    return frozenset({digits})


def rounded_keys(number: float) -> frozenset[str]:
    """Return what the ICCIDs that a float may have been begin with: their length and first 16 digits, `19-8901260000000000`.

    A few more ICCIDs begin so than it may have been. Empty for a float that is not finite.
    """
    if not isfinite(number):
        return frozenset()
    least, most = (int(abs(number)) + int(ulp(number) / 2) * sign for sign in (-1, 1))
    length = len(str(most))
    step = 10 ** max(0, length - ROUNDED_DIGITS)
    return frozenset(f"{length}-{start}" for start in range(least // step, most // step + 1))


def luhn_digit(digits: str) -> str:
    """Return the check digit that follows these digits."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def msisdn_key(text: str | None) -> str | None:
    """Return the digits of a telephone number; of eleven that begin with 1 the 1 is dropped. None where it has none."""
    digits = NOT_A_DIGIT.sub("", text or "")
    if len(digits) == NATIONAL_DIGITS + 1 and digits.startswith("1"):
        digits = digits[1:]
    return digits or None

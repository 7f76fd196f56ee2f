"""Which records of the vendor are a SIM's, in any spelling; written here once more, so that it can be compared."""

from __future__ import annotations

import re

from chaos.records.world import Row

FILLER = re.compile(r"[\s-]+")
DIGITS = re.compile(r"[0-9]+")


def sim_key(value: object) -> str | None:
    """Return what is the same for every spelling of an ICCID; None for what is not one, as a float.

    Blanks, hyphens and one trailing F do not count, and 20 digits that end in the Luhn digit equal the 19 before it.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    digits = FILLER.sub("", text) if isinstance(text, str) else ""
    digits = digits[:-1] if digits[-1:] in {"F", "f"} else digits
    if not DIGITS.fullmatch(digits):
        return None
    return digits[:19] if len(digits) == 20 and _luhn(digits[:19]) == digits[19] else digits


def phone_key(value: object) -> str | None:
    """Return the digits of a telephone number, without the 1 in front of ten others; None where it has none."""
    digits = re.sub(r"[^0-9]", "", str(value)) if isinstance(value, str | int) else ""
    return (digits[1:] if len(digits) == 11 and digits.startswith("1") else digits) or None


def keys_of(record: Row) -> set[str]:
    """Return the keys of the SIMs that a record is for: of its ICCIDs, and of its number where it has no ICCID."""
    keys = {f"sim {key}" for name in ("number2", "number") if (key := sim_key(record.get(name)))}
    phone = phone_key(record.get("number"))
    return keys | ({f"phone {phone}"} if phone and not record.get("number2") else set())


def keys_of_device(iccid: str, msisdn: str | None) -> set[str]:
    """Return the keys by which a device's lines are found."""
    phone = phone_key(msisdn)
    return {f"sim {sim_key(iccid) or iccid}"} | ({f"phone {phone}"} if phone else set())


def _luhn(digits: str) -> str:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)

"""A service line as Rev.io shows it, and how it is read from a record. Source: the Rev.io contract, 'The lines of a SIM'."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, tzinfo
from hashlib import sha256
from math import isfinite
from typing import Any

from device_association.domain.sim_numbers import iccid_digits, iccid_keys, msisdn_key
from device_association.domain.storable_text import storable
from device_association.revio.responses import parse_moment, whole

EXACT = 2**53
"""The largest whole number that a float holds exactly; above it the digits of an ICCID are lost."""
MAX_ICCID = 1e22
"""What no ICCID is greater than, whose digits are 22 at most."""
DECIMAL_TEXT = re.compile(r"[0-9]+(?:\.[0-9]*(?:[eE]\+?[0-9]+)?|[eE]\+?[0-9]+)")
SENT = (
    "customer_id",
    "provider_id",
    "service_type_id",
    "number",
    "number2",
    "usage_plan_group_id",
    "package_id",
    "description",
)
"""The fields of a new line that Rev.io shows as they were sent."""
MOMENTS = ("created", "disconnected", "activated")
ICCID_LENGTHS = range(18, 23)
MAX_NUMBER, MAX_DESCRIPTION = 255, 1000
"""Longest number and description of a line. Source: the Rev.io contract, 'Create'."""


@dataclass(frozen=True, slots=True)
class Line:
    """A service line as Rev.io shows it; only what is needed of it.

    An id is None where the record has none that can be read: null, out of range, not a number. `rounded` holds numbers that
    were sent as a float too large to keep its digits, or as no number (NaN); `nested` what a list or an object in the place
    of a number holds.
    """

    service_id: int | None
    customer_id: int | None
    number: str | None
    number2: str | None
    created: datetime | None
    disconnected: datetime | None
    provider_id: int | None = None
    service_type_id: int | None = None
    usage_plan_group_id: int | None = None
    package_id: int | None = None
    description: str | None = None
    activated: datetime | None = None
    rounded: tuple[float, ...] = ()
    nested: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells a line of an account from another: its id, else a hash of all that is known of it."""
        if self.service_id is not None:
            return str(self.service_id)
        return sha256(json.dumps(self.as_record()).encode()).hexdigest()

    @property
    def match_keys(self) -> frozenset[str]:
        """The forms of its numbers that a SIM of its own has among its `match_keys`."""
        texts = (self.number, *self.nested)
        keys = {f"I{digits}" for number in (*texts, self.number2) if (digits := iccid_digits(number))}
        if not self.number2:
            keys |= {f"N{digits}" for number in texts if (digits := msisdn_key(number))}
        return frozenset(keys | {f"F{number!r}" for number in self.rounded})

    @property
    def iccid_length(self) -> int | None:
        """How many digits its number2 has where that is an ICCID."""
        digits = iccid_digits(self.number2) or ""
        return len(digits) if len(digits) in ICCID_LENGTHS else None

    def is_regular(self) -> bool:
        """Whether a filter on number2 by ICCID, or on number by MSISDN, finds the line for each SIM that it may be of."""
        if self.flaw():
            return False
        digits = iccid_digits(self.number2)
        if digits and digits != self.number2:
            return False
        number = iccid_digits(self.number) or ""
        if len(number) in ICCID_LENGTHS and number not in iccid_keys(self.number2):
            return False
        return bool(self.number2) or self.number in (None, msisdn_key(self.number))

    def __str__(self) -> str:
        if self.service_id is not None:
            return str(self.service_id)
        return f"without an id (number {self.number!r}, number2 {self.number2!r})"

    def is_active(self, now: datetime) -> bool:
        """Whether the line is billed: it has no disconnect date, or one in the future."""
        return self.disconnected is None or self.disconnected > now

    def flaw(self) -> str | None:
        """Return why nobody can say whose line this is, None where it can be judged."""
        if self.service_id is None:
            return "its service_id cannot be read"
        if self.customer_id is None:
            return "its customer_id cannot be read"
        if self.nested:
            return "its number was sent as a list or an object"
        return "its number was sent as a rounded decimal number" if self.rounded else None

    def differing_fields(self, body: Mapping[str, object]) -> list[str]:
        """Return where the line is not as `body`, a request to create it, asks; the names with both values."""
        asked = {name: body.get(name) or None for name in SENT} | {"activated_date": body.get("activated_date")}
        if isinstance(asked["description"], str):
            asked["description"] = asked["description"].strip() or None
        if isinstance(asked["activated_date"], str):
            asked["activated_date"] = date.fromisoformat(asked["activated_date"][:10])
        shown = {name: getattr(self, name) for name in SENT} | {
            "activated_date": self.activated and self.activated.date()
        }
        return [
            f"{name} {shown[name] or 'none'} instead of {asked[name] or 'none'}"
            for name in asked
            if shown[name] != asked[name]
        ]

    def as_record(self) -> dict[str, object]:
        """Return the line as JSON values, see `from_record`; an infinite number and one that is none are texts in it."""
        rounded = [number if isfinite(number) else repr(number) for number in self.rounded]
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        } | {"rounded": rounded}

    @classmethod
    def from_record(cls, record: str) -> Line:
        """Return the line that `as_record` gave, from its JSON."""
        values: dict[str, Any] = json.loads(record)  # as `as_record` gave them
        for name in MOMENTS:
            values[name] = values[name] and datetime.fromisoformat(values[name])
        rounded, nested = tuple(map(float, values["rounded"])), tuple(values.get("nested", ()))
        return cls(**values | {"rounded": rounded, "nested": nested})


def line_of(record: Mapping[str, object], zone: tzinfo = UTC) -> Line:
    """Return a record of Rev.io's as a line; its dates without a zone are of this one."""
    numbers = [_as_sent(record.get(name)) for name in ("number", "number2")]
    parts = [_as_sent(part) for number in numbers for part in _parts(number)]
    activated = parse_moment(record.get("activated_date"), zone)
    return Line(
        service_id=whole(record.get("service_id")),
        customer_id=whole(record.get("customer_id")),
        number=_text(numbers[0]),
        number2=_text(numbers[1]),
        created=parse_moment(record.get("created_date"), zone),
        disconnected=parse_moment(record.get("disconnected_date"), zone),
        provider_id=whole(record.get("provider_id")),
        service_type_id=whole(record.get("service_type_id")),
        usage_plan_group_id=whole(record.get("usage_plan_group_id")),
        package_id=whole(record.get("package_id")),
        description=_text(record.get("description"), MAX_DESCRIPTION),
        activated=activated and activated.astimezone(zone),
        rounded=tuple(
            number for number in (*numbers, *parts) if isinstance(number, float) and not abs(number) <= EXACT
        ),
        nested=tuple(filter(None, map(_text, parts))),
    )


def _as_sent(number: object) -> object:
    """Return a number of a record; the text of a decimal with more digits than a float holds is that float."""
    if not isinstance(number, str) or not DECIMAL_TEXT.fullmatch(number.strip()):
        return number
    spelled = float(number)
    return spelled if EXACT < spelled <= MAX_ICCID else number


def _parts(number: object) -> Iterator[object]:
    """Yield what a list or an object holds, at whatever depth; of any other value nothing."""
    left = [number] if isinstance(number, list | dict) else []
    while left:
        one = left.pop()
        if isinstance(one, list | dict):
            left += one.values() if isinstance(one, dict) else one
        else:
            yield one


def _text(value: object, most: int = MAX_NUMBER) -> str | None:
    """Return a text of a record as a database can keep it; a number is a text, also where it was sent as a number."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return storable(storable(value).strip(), most) or None if isinstance(value, str) else None

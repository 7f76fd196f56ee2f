"""How instants, ids and rows are written where databases and other programs read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

BIGGEST_ID = 2**63 - 1
"""The biggest value of a bigint key."""


def utc_milliseconds(moment: datetime) -> datetime:
    """Return the instant in UTC, cut to the milliseconds that old `datetime` columns keep."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def as_json(value: Sequence[Mapping[str, object]] | Sequence[object] | Mapping[str, object]) -> str:
    """Return the one JSON parameter that carries many devices; decimals travel as strings, instants as UTC.

    Raises ValueError for an infinite number or NaN, which no database reads.
    """
    return json.dumps(value, default=_encode, separators=(",", ":"), allow_nan=False)


def _encode(value: object) -> str:
    """Return a value inside JSON: an instant as UTC without a zone, which both databases read alike."""
    if isinstance(value, datetime):
        return utc_milliseconds(value).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return str(value)

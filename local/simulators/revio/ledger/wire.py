"""How records read on the wire: dates as the account writes them, money as a double, raw records as they are."""

from __future__ import annotations

import json
from decimal import Decimal

from pydantic import BaseModel

from local.simulators.revio.dates import EMPTY_DATES, LOCAL, DateStyle
from local.simulators.revio.ledger.records import RawRecord
from local.simulators.revio.ledger.seed import Service


class Wire:
    """Records as JSON. What was written once is kept: a page of 500 lines is asked for again and again."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[BaseModel, DateStyle, bytes]] = {}

    def text(self, record: BaseModel, dates: DateStyle) -> bytes:
        """Return a record's JSON."""
        kept = self._texts.get(id(record))
        # The record is held with its text: as long as it is, no other one can have its id.
        if kept is None or kept[1] != dates:
            kept = self._texts[id(record)] = (record, dates, _text(record, dates))
        return kept[2]


def _text(record: BaseModel, dates: DateStyle) -> bytes:
    if isinstance(record, RawRecord):
        return json.dumps(record.fields, separators=(",", ":")).encode()
    shown = record.model_dump(mode="json")
    for name, value in record:
        if value is None and name.endswith("_date"):
            shown[name] = EMPTY_DATES[dates.empty]
        elif name in LOCAL:
            shown[name] = dates.local(value).isoformat()
        elif isinstance(value, Decimal):
            shown[name] = float(value)
    if isinstance(record, Service):
        shown["fields"] = []
    return json.dumps(shown, separators=(",", ":")).encode()

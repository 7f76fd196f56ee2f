"""How records read on the wire: dates without a zone, money as a double, 'no date' as the settings say."""

from __future__ import annotations

import json
from decimal import Decimal

from pydantic import BaseModel

from local.rev_simulator.seed import Service
from local.rev_simulator.settings import EmptyDate

EMPTY_DATES = {"null": None, "blank": "", "year_one": "0001-01-01T00:00:00"}


class Wire:
    """Records as JSON. What was written once is kept: a page of 500 lines is asked for again and again."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[BaseModel, EmptyDate, bytes]] = {}

    def text(self, record: BaseModel, empty_date: EmptyDate) -> bytes:
        """Return a record's JSON."""
        kept = self._texts.get(id(record))
        # The record is held with its text: as long as it is, no other one can have its id.
        if kept is None or kept[1] != empty_date:
            kept = self._texts[id(record)] = (record, empty_date, _text(record, empty_date))
        return kept[2]


def _text(record: BaseModel, empty_date: EmptyDate) -> bytes:
    shown = record.model_dump(mode="json")
    empty = EMPTY_DATES[empty_date]
    for name, value in record:
        if value is None and name.endswith("_date"):
            shown[name] = empty
        elif isinstance(value, Decimal):
            shown[name] = float(value)
    if isinstance(record, Service):
        shown["fields"] = []
    return json.dumps(shown, separators=(",", ":")).encode()

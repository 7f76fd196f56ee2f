"""Records of the list of lines: regular lines, and raw JSON that no regular line could hold."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from local.simulators.revio.ledger.seed import Service


class RawRecord(BaseModel):
    """A record that is shown exactly as it was planted, with nulls, floats and odd spellings.

    `key` is how the simulator finds it: its own service_id where that is a whole number and free. `customer` is the
    customer whose list shows it, which its own customer_id need not say.
    """

    model_config = ConfigDict(frozen=True)

    key: int
    customer: int | None = None
    fields: dict[str, Any]


Shown = Service | RawRecord
"""What a list of lines shows."""


def value_of(record: BaseModel, name: str) -> Any:
    """Return a field of a record; None where it has none."""
    return record.fields.get(name) if isinstance(record, RawRecord) else getattr(record, name, None)


def customer_of(record: BaseModel) -> Any:
    """Return the customer whose list shows a record."""
    return record.customer if isinstance(record, RawRecord) else value_of(record, "customer_id")


def written(value: object) -> str:
    """Return a number as a filter compares it: an empty text for none."""
    return "" if value is None else str(value)


def whole_number(value: object) -> int | None:
    """Return a whole number or one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None

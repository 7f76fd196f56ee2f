"""Read models as other programs see them: JSON objects with the contract's PascalCase names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_pascal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OWN_SPELLING = {"iccid": "ICCID", "msisdn": "MSISDN", "imsi": "IMSI", "imei": "IMEI", "eid": "EID"}
OWN_SPELLING |= {"customer_data_allocation_mb": "CustomerDataAllocationMB", "plan_mb": "PlanMB"}


def to_api(model: DataclassInstance) -> dict[str, object]:
    """Return a read model with the contract's names, and those within it too; what else it holds stays as it is."""
    return {
        OWN_SPELLING.get(one.name) or to_pascal(one.name): _value(getattr(model, one.name)) for one in fields(model)
    }


def all_to_api(models: Sequence[DataclassInstance]) -> list[dict[str, object]]:
    """Return read models with the contract's names."""
    return [to_api(one) for one in models]


def columns_of(row: DataclassInstance) -> dict[str, Any]:
    """Return a row's values by its fields' names, for a read model that adds to them; Any: each has a type of its own."""
    return {one.name: getattr(row, one.name) for one in fields(row)}


def _value(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return to_api(value)
    if isinstance(value, list):
        return [_value(one) for one in value]
    return value

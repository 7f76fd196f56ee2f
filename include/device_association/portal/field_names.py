"""Records as other programs read them: the contract's PascalCase names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_pascal

OWN_SPELLING = {"iccid": "ICCID", "msisdn": "MSISDN", "imsi": "IMSI", "imei": "IMEI", "eid": "EID"}
OWN_SPELLING |= {"customer_data_allocation_mb": "CustomerDataAllocationMB", "plan_mb": "PlanMB"}


def shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the contract's names."""
    return {OWN_SPELLING.get(name) or to_pascal(name): value for name, value in record.items()}


def shown_all(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return records with the contract's names."""
    return [shown(one) for one in records]

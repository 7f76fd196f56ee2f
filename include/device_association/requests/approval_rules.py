"""When a change of a tenant has to be approved by a second person first. Source: the domain contract, section 4."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import changed, in_transaction, row, run, values

Threshold = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]


class ApprovalRule(BaseModel):
    """When a tenant's change has to be approved; a threshold that is null asks nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal, validate_by_name=True)

    most_devices: Threshold | None = None
    most_rejected_percent: Percent | None = None
    first_use: Annotated[bool, Field(strict=True)] = False


@dataclass(frozen=True, slots=True)
class StoredRule:
    """The row of a tenant's ApprovalRule."""

    most_devices: int | None
    most_rejected_percent: int | None
    first_use: bool


def find_rule(engine: Engine, tenant_id: int) -> ApprovalRule:
    """Return the thresholds of a tenant."""
    with engine.connect() as connection:
        return _rule(connection, tenant_id)


def set_rule(engine: Engine, caller: PortalUser, rule: ApprovalRule, *, now: datetime) -> None:
    """Keep the thresholds of the caller's tenant; they decide about every change that is asked for from now on."""
    binds = {**rule.model_dump(), "first_use": int(rule.first_use), "tenant_id": caller.tenant_id}

    def keep(connection: Connection) -> None:
        about = {"actor": caller.user_name, "now": now, **binds}
        if not changed(connection, "requests/update_rule", **about):
            run(connection, "requests/insert_rule", **about)

    in_transaction(engine, keep)


def approval_reason(
    connection: Connection, tenant_id: int, change_id: int, rev_customer_id: UUID, *, accepted: int, rejected: int
) -> str | None:
    """Return in words why a change has to be approved before it starts, or None."""
    rule, devices = _rule(connection, tenant_id), accepted + rejected
    because = []
    if rule.most_devices is not None and accepted > rule.most_devices:
        because.append(f"{accepted} devices, more than {rule.most_devices}")
    if rule.most_rejected_percent is not None and rejected * 100 > devices * rule.most_rejected_percent:
        because.append(f"{rejected} of {devices} devices refused, more than {rule.most_rejected_percent} percent")
    if rule.first_use:
        (uses,) = values(connection, "requests/count_uses", rev_customer_id=rev_customer_id, bulk_change_id=change_id)
        if not uses:
            because.append("the first change for this customer")
    return "; ".join(because) or None


def _rule(connection: Connection, tenant_id: int) -> ApprovalRule:
    found = row(connection, StoredRule, "requests/find_rule", tenant_id=tenant_id)
    return ApprovalRule(**asdict(found)) if found else ApprovalRule()

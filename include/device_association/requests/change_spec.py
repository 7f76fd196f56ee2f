"""What a bulk change asks for every device of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from device_association.domain.association_request import AssociateCustomer
from device_association.domain.encoding import as_json


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """The request without its devices; one row of `device_association.request_terms`."""

    rev_customer_id: UUID
    create_rev_service: bool
    service_type_id: int | None
    provider_id: int | None
    usage_plan_group_id: int | None
    rev_package_id: int | None
    rev_product_id_list: tuple[int, ...]
    rate_list: tuple[Decimal, ...]
    prorate: bool
    description: str
    add_carrier_rate_plan: bool
    carrier_rate_plan: str | None
    comm_plan: str | None
    add_customer_rate_plan: bool
    customer_rate_plan_id: int | None
    customer_rate_pool_id: int | None
    customer_data_allocation_mb: Decimal | None

    @property
    def binds(self) -> dict[str, object]:
        """The columns of the row, flags as 0 and 1, lists as JSON, and the hash that makes the row unique."""
        columns: dict[str, object] = {
            name: int(value) if isinstance(value, bool) else value for name, value in asdict(self).items()
        }
        columns["rev_product_id_list"] = as_json(self.rev_product_id_list)
        columns["rate_list"] = as_json(self.rate_list)
        return columns | {"terms_hash": hashlib.sha256(as_json(columns).encode()).hexdigest()}


@dataclass(frozen=True, slots=True)
class ChangeSpecRow:
    """A ChangeSpec as it is stored, lists as JSON, with its customer as it is now; no number: it was deleted."""

    terms_id: int
    rev_customer_id: UUID
    create_rev_service: bool
    service_type_id: int | None
    provider_id: int | None
    usage_plan_group_id: int | None
    rev_package_id: int | None
    rev_product_id_list: str
    rate_list: str
    prorate: bool
    description: str | None
    add_carrier_rate_plan: bool
    carrier_rate_plan: str | None
    comm_plan: str | None
    add_customer_rate_plan: bool
    customer_rate_plan_id: int | None
    customer_rate_pool_id: int | None
    customer_data_allocation_mb: Decimal | None
    customer_number: str | None
    customer_name: str | None
    customer_status: str | None
    customer_close_date: datetime | None
    account_id: int | None
    site_id: int | None


def from_request(request: AssociateCustomer, rev_customer_id: UUID) -> ChangeSpec:
    """Return the terms of a request whose customer was found."""
    return ChangeSpec(
        rev_customer_id=rev_customer_id,
        create_rev_service=request.create_rev_service,
        service_type_id=request.service_type_id,
        provider_id=request.provider_id,
        usage_plan_group_id=request.usage_plan_group_id,
        rev_package_id=request.rev_package_id,
        rev_product_id_list=request.rev_product_id_list,
        rate_list=request.rate_list,
        prorate=request.prorate,
        description=request.description,
        add_carrier_rate_plan=request.add_carrier_rate_plan,
        carrier_rate_plan=request.carrier_rate_plan,
        comm_plan=request.comm_plan,
        add_customer_rate_plan=request.add_customer_rate_plan,
        customer_rate_plan_id=request.customer_rate_plan_id,
        customer_rate_pool_id=request.customer_rate_pool_id,
        customer_data_allocation_mb=request.customer_data_allocation_mb,
    )


def from_row(row: ChangeSpecRow) -> ChangeSpec:
    """Return the terms of a row of `device_association.request_terms`."""
    return ChangeSpec(
        rev_customer_id=UUID(str(row.rev_customer_id)),
        create_rev_service=row.create_rev_service,
        service_type_id=row.service_type_id,
        provider_id=row.provider_id,
        usage_plan_group_id=row.usage_plan_group_id,
        rev_package_id=row.rev_package_id,
        rev_product_id_list=tuple(json.loads(row.rev_product_id_list)),
        rate_list=tuple(map(Decimal, json.loads(row.rate_list))),
        prorate=row.prorate,
        description=row.description or "",
        add_carrier_rate_plan=row.add_carrier_rate_plan,
        carrier_rate_plan=row.carrier_rate_plan,
        comm_plan=row.comm_plan,
        add_customer_rate_plan=row.add_customer_rate_plan,
        customer_rate_plan_id=row.customer_rate_plan_id,
        customer_rate_pool_id=row.customer_rate_pool_id,
        customer_data_allocation_mb=row.customer_data_allocation_mb,
    )

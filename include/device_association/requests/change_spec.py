"""What a bulk change asks for every device of it, and the payload per device that carries it in the portal's tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from device_association.database.execution import as_json
from device_association.domain.association_request import AssociateCustomer, Rate, Text50, Text100, Text1000
from device_association.domain.plain_numbers import PLAIN_WHOLE

Int32 = Annotated[int, PLAIN_WHOLE, Field(ge=-(2**31), le=2**31 - 1)]
OptionalInt = Int32 | None


@dataclass(frozen=True, slots=True)
class Terms:
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
class TermsRow:
    """Terms of a change as they are stored, lists as JSON, with their customer as it is now; no number: it was deleted."""

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


def from_request(request: AssociateCustomer, rev_customer_id: UUID) -> Terms:
    """Return the terms of a request whose customer was found."""
    return Terms(
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


def from_row(row: TermsRow) -> Terms:
    """Return the terms of a row of `device_association.request_terms`."""
    return Terms(
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


class Payload(BaseModel):
    """`BulkChangeAssociateCustomer`: one device's part of a change, as the portal's tables keep it. Nulls are kept."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_pascal, validate_by_name=True)

    number: str | None = None
    iccid: Annotated[str | None, Field(alias="ICCID")] = None
    rev_customer_id: UUID
    device_id: OptionalInt = None
    create_rev_service: bool = False
    service_type_id: OptionalInt = None
    rev_package_id: OptionalInt = None
    rev_product_id_list: tuple[Int32, ...] | None = None
    rate_list: tuple[Rate, ...] | None = None
    prorate: bool = False
    description: Text1000 | None = None
    effective_date: datetime | None = None
    add_carrier_rate_plan: bool = False
    carrier_rate_plan: Text50 | None = None
    comm_plan: Text100 | None = None
    integration_authentication_id: OptionalInt = None
    jasper_device_id: Annotated[str | int | None, Field(alias="JasperDeviceID")] = None
    site_id: OptionalInt = None
    activated_date: datetime | None = None
    provider_id: OptionalInt = None
    usage_plan_group_id: OptionalInt = None
    add_customer_rate_plan: bool = False
    customer_rate_plan: OptionalInt = None
    customer_rate_pool: OptionalInt = None
    customer_data_allocation_mb: Annotated[Rate | None, Field(alias="CustomerDataAllocationMB")] = None

    @property
    def terms(self) -> Terms:
        """What this payload asks, without what is the device's own."""
        return Terms(
            rev_customer_id=self.rev_customer_id,
            create_rev_service=self.create_rev_service,
            service_type_id=self.service_type_id,
            provider_id=self.provider_id,
            usage_plan_group_id=self.usage_plan_group_id,
            rev_package_id=self.rev_package_id,
            rev_product_id_list=self.rev_product_id_list or (),
            rate_list=self.rate_list or (),
            prorate=self.prorate,
            description=self.description or "",
            add_carrier_rate_plan=self.add_carrier_rate_plan,
            carrier_rate_plan=self.carrier_rate_plan,
            comm_plan=self.comm_plan,
            add_customer_rate_plan=self.add_customer_rate_plan,
            customer_rate_plan_id=self.customer_rate_plan,
            customer_rate_pool_id=self.customer_rate_pool,
            customer_data_allocation_mb=self.customer_data_allocation_mb,
        )


def payload_template(terms: Terms, *, site_id: int, account_id: int | None, activated_date: datetime | None) -> str:
    """Return what a request's payloads share, as JSON; the statement puts each device's own part before it."""
    shared = Payload(
        rev_customer_id=terms.rev_customer_id,
        create_rev_service=terms.create_rev_service,
        service_type_id=terms.service_type_id,
        rev_package_id=terms.rev_package_id,
        rev_product_id_list=terms.rev_product_id_list,
        rate_list=terms.rate_list,
        prorate=terms.prorate,
        description=terms.description,
        add_carrier_rate_plan=terms.add_carrier_rate_plan,
        carrier_rate_plan=terms.carrier_rate_plan,
        comm_plan=terms.comm_plan,
        integration_authentication_id=account_id,
        site_id=site_id,
        activated_date=activated_date,
        provider_id=terms.provider_id,
        usage_plan_group_id=terms.usage_plan_group_id,
        add_customer_rate_plan=terms.add_customer_rate_plan,
        customer_rate_plan=terms.customer_rate_plan_id,
        customer_rate_pool=terms.customer_rate_pool_id,
        customer_data_allocation_mb=terms.customer_data_allocation_mb,
    )
    return shared.model_dump_json(by_alias=True, exclude={"number", "iccid", "device_id", "effective_date"})


def read_payload(text: str) -> Payload:
    """Return a stored payload, or raise ValueError whose text names the field and its problem."""
    if "\\u0000" in text:
        raise ValueError("a NUL character is in it, which no database keeps")
    try:
        return Payload.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the payload"
        shown = json.dumps(first.get("input"), default=str)[:80]
        raise ValueError(f"{field}: {first['msg']}; {shown} was sent") from None

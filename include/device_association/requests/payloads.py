"""The payload per device that carries a request in the portal's tables: ours, and those that the portal wrote."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal
from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.locks import find_bulk_change
from device_association.database.execution import rows, rows_per_statement, run
from device_association.domain.association_request import Rate, Text50, Text100, Text1000, is_storable, local_to_utc
from device_association.domain.codes import RequestCode
from device_association.domain.encoding import as_json
from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.requests.change_spec import ChangeSpec
from device_association.requests.device_rules import RefusedRow, reject_rows

Int32 = Annotated[int, PLAIN_WHOLE, Field(ge=-(2**31), le=2**31 - 1)]
OptionalInt = Int32 | None


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
    def terms(self) -> ChangeSpec:
        """What this payload asks, without what is the device's own."""
        return ChangeSpec(
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


@dataclass(frozen=True, slots=True)
class UnreadPayload:
    """An open row that the portal wrote itself, with its payload as JSON; None: it has none."""

    row_id: int
    payload: str | None


@dataclass(frozen=True, slots=True)
class RequestedDevice:
    """What a payload asks for its own device, as the statement reads it; dates in UTC."""

    row_id: int
    terms_hash: str
    effective_date: datetime | None
    activated_date: datetime | None


def payload_template(
    terms: ChangeSpec, *, site_id: int, account_id: int | None, activated_date: datetime | None
) -> str:
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


def read_payloads(connection: Connection, claim: Claim, *, now: datetime) -> None:
    """Read the payloads that the portal wrote itself into our typed tables; a payload that is broken refuses its row."""
    change = find_bulk_change(connection, claim.bulk_change_id)
    zone = change.time_zone if change else None
    after = 0
    while unread := rows(
        connection,
        UnreadPayload,
        "requests/list_unread_payloads",
        bulk_change_id=claim.bulk_change_id,
        after_row_id=after,
        limit=rows_per_statement(connection),
    ):
        after = unread[-1].row_id
        terms: dict[str, ChangeSpec] = {}
        devices: list[RequestedDevice] = []
        broken: list[RefusedRow] = []
        for one in unread:
            try:
                payload = read_payload(one.payload or "")
                effective_date = _instant("effective_date", payload.effective_date, zone)
                activated_date = _instant("activated_date", payload.activated_date, zone)
            except ValueError as problem:
                broken.append(_broken(one.row_id, problem))
                continue
            terms_hash = str(payload.terms.binds["terms_hash"])
            terms[terms_hash] = payload.terms
            devices.append(RequestedDevice(one.row_id, terms_hash, effective_date, activated_date))
        for one_terms in terms.values():
            insert_terms(connection, claim.bulk_change_id, one_terms)
        run(
            connection,
            "requests/insert_requested_devices",
            bulk_change_id=claim.bulk_change_id,
            devices=as_json([asdict(one) for one in devices]),
        )
        reject_rows(connection, claim.bulk_change_id, broken, actor=claim.actor, now=now)


def insert_terms(connection: Connection, bulk_change_id: int, terms: ChangeSpec) -> None:
    """Keep what a change asks for its devices, once."""
    run(connection, "requests/insert_terms", bulk_change_id=bulk_change_id, **terms.binds)


def _instant(field: str, date: datetime | None, zone: str | None) -> datetime | None:
    """Return a payload's date in UTC. Year 1, .NET's empty date, is none; one that the tables cannot keep is an error."""
    if date is None or date.year == 1:
        return None
    if not is_storable(date):
        raise ValueError(f"{field}: {date.isoformat()} is outside 1753 to 9998")
    return local_to_utc(date, zone)


def _broken(row_id: int, problem: ValueError) -> RefusedRow:
    details = f"INVALID_REQUEST: the stored payload of this device cannot be read: {problem}; send it again"
    return RefusedRow(row_id, RequestCode.INVALID_REQUEST, details)

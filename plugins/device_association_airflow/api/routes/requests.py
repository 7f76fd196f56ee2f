"""The portal's requests: associate devices with a customer, or see first what that would do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from device_association.domain.association_request import AssociateCustomer
from device_association.messaging.outbox import is_waiting, send_at_once
from device_association.requests.create import create_bulk_change
from device_association.requests.idempotency import FIELD, request_key
from device_association.requests.json_bodies import read_json_object
from device_association.requests.preview import preview_bulk_change
from device_association_airflow.api.answers import created_to_api, preview_to_api
from device_association_airflow.api.dependencies import CreatorDep, EngineDep, NowDep, SendDep, SettingsDep
from device_association_airflow.api.json_body import BodyDep, described_body

requests = APIRouter()
KeyHeader = Annotated[
    str | None, Header(alias=FIELD, description="The same key and body get the same answer for 24 hours.")
]
EXAMPLE = {
    "ServiceProviderId": 1,
    "Devices": ["8901260000000000017", "8901260000000000025"],
    "RevCustomerId": "4711",
    "CreateRevService": True,
    "ServiceTypeId": 11,
    "ProviderId": 21,
    "Reason": "new fleet of ticket 4711",
}
BODY = described_body(AssociateCustomer, **EXAMPLE)


@requests.post("/AssociateCustomer", openapi_extra=BODY)
def associate_customer(
    caller: CreatorDep,
    body: BodyDep,
    engine: EngineDep,
    now: NowDep,
    settings: SettingsDep,
    send: SendDep,
    key: KeyHeader = None,
) -> dict[str, Any]:
    """Store the request as a bulk change, hand it over to the queue, and return its id at once."""
    sent = read_json_object(body)
    created = create_bulk_change(
        engine,
        sent,
        user_name=caller.user_name,
        now=now,
        max_devices=settings.max_devices,
        key=request_key(key, sent),
    )
    waits = (
        is_waiting(engine, created.change_id) if created.is_replay else send_at_once(engine, created.change_id, send)
    )
    return created_to_api(created, waits=waits)


@requests.post("/AssociateCustomer/preview", openapi_extra=BODY)
def preview(caller: CreatorDep, body: BodyDep, engine: EngineDep, now: NowDep, settings: SettingsDep) -> Response:
    """Return what the request would do: nothing is stored, and Rev.io is not asked."""
    seen = preview_bulk_change(
        engine, read_json_object(body), user_name=caller.user_name, now=now, max_devices=settings.max_devices
    )
    return preview_to_api(seen)

"""The portal's requests: associate devices with a customer, or see first what that would do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from device_association.database.execution import as_json
from device_association.domain.association_request import AssociateCustomer
from device_association.messaging.outbox import is_waiting, send_at_once
from device_association.requests.create import Created, create_bulk_change
from device_association.requests.idempotency import FIELD, request_key
from device_association.requests.json_bodies import read_json_object
from device_association.requests.preview import Preview, preview_bulk_change
from device_association_airflow.api.body_limit import limited_body
from device_association_airflow.api.dependencies import CreatorDep, EngineDep, NowDep, SendDep, SettingsDep

requests = APIRouter()
BodyDep = Annotated[bytes, Depends(limited_body)]
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
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": AssociateCustomer.model_json_schema(), "example": EXAMPLE}},
    }
}
WAITS = "stored; the queue does not answer at the moment, so the change waits and starts once it does"


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
    return shown_created(created, waits=waits)


def shown_created(created: Created, *, waits: bool) -> dict[str, Any]:
    """Return what the caller is told of a change that was stored."""
    answer = {
        "Success": True,
        "ChangeId": created.change_id,
        "Accepted": created.accepted,
        "Rejected": created.rejected,
    }
    if created.needs_approval:
        return answer | {"Message": f"stored; it starts once a second person has approved it: {created.needs_approval}"}
    return answer | ({"Message": WAITS} if waits else {})


@requests.post("/AssociateCustomer/preview", openapi_extra=BODY)
def preview(caller: CreatorDep, body: BodyDep, engine: EngineDep, now: NowDep, settings: SettingsDep) -> Response:
    """Return what the request would do: nothing is stored, and Rev.io is not asked."""
    seen = preview_bulk_change(
        engine, read_json_object(body), user_name=caller.user_name, now=now, max_devices=settings.max_devices
    )
    return shown_preview(seen)


def shown_preview(seen: Preview) -> Response:
    """Return what a preview saw as an answer."""
    answer = {
        "Success": True,
        "Message": "a preview: nothing was stored and Rev.io was not asked",
        "Accepted": seen.accepted,
        "Rejected": len(seen.devices) - seen.accepted,
        "Lines": seen.lines,
        "CallsPerMinute": seen.calls_per_minute,
        "Seconds": seen.seconds,
        "NeedsApproval": seen.needs_approval,
        "Codes": seen.codes,
        "Devices": [{"ICCID": one.iccid, "Code": one.code, "Message": one.message} for one in seen.devices],
    }
    return Response(as_json(answer), media_type="application/json")  # 100,000 verdicts: nothing walks over them again

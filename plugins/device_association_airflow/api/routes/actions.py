"""What the portal lets a person do to a bulk change: cancel it, retry it, take it back, each with a reason."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from device_association.domain.association_request import read_fields
from device_association.domain.codes import ChangeStatus
from device_association.messaging.outbox import send_at_once
from device_association.requests.actions import Cancel, Retry, cancel_change, retry_change
from device_association.requests.json_bodies import read_json_object
from device_association.requests.revert import Revert, RevertPreview, preview_revert, revert_change
from device_association.service_lines.named_lines.naming import NameLine, name_line
from device_association_airflow.api.answers import WAITS, created_to_api, preview_to_api
from device_association_airflow.api.dependencies import CreatorDep, EditorDep, EngineDep, NowDep, SendDep
from device_association_airflow.api.json_body import BodyDep, described_body
from device_association_airflow.api.parameters import ChangeId

actions = APIRouter(prefix="/BulkChanges")
CANCELED = "canceled; nothing of it was begun"
NAMED = "the next retry adopts this line, provided that Rev.io shows it active and as this customer's"
STOPPING = "no further device is begun; those whose call is out are brought to their end, then the change ends"


@actions.post("/{change_id}/cancel", openapi_extra=described_body(Cancel, Reason="wrong customer, ticket 4712"))
def cancel(caller: EditorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep) -> dict[str, Any]:
    """Stop a change: what was not begun is not attempted."""
    asked = read_fields(Cancel, read_json_object(body))
    status = cancel_change(engine, caller, change_id, reason=asked.reason, now=now)
    said = STOPPING if status == ChangeStatus.PROCESSING else CANCELED
    return {"Success": True, "ChangeId": change_id, "Status": status, "Message": said}


@actions.post(
    "/{change_id}/retry",
    openapi_extra=described_body(Retry, Reason="lines were freed", Codes=["DEVICE_IN_OTHER_CHANGE"]),
)
def retry(
    caller: EditorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep, send: SendDep
) -> dict[str, Any]:
    """Try again what failed or was not attempted, all of it or by code."""
    asked = read_fields(Retry, read_json_object(body))
    done = retry_change(engine, caller, change_id, reason=asked.reason, codes=asked.codes, now=now)
    answer = {"Success": True, "ChangeId": change_id, "RetryNumber": done.retry_number}
    answer |= {"Accepted": done.accepted, "Rejected": done.rejected}
    return answer | ({"Message": WAITS} if send_at_once(engine, change_id, send) else {})


@actions.post(
    "/{change_id}/lines",
    openapi_extra=described_body(
        NameLine, ICCID="8901260000000000017", RevServiceId=50001, Reason="the SIM was swapped, ticket 4712"
    ),
)
def name_line_of_device(
    caller: EditorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep
) -> dict[str, Any]:
    """Name the line that is the SIM's of a device that ended as REV_LINE_AMBIGUOUS; the next retry adopts it."""
    asked = read_fields(NameLine, read_json_object(body))
    name_line(engine, caller, change_id, asked, now=now)
    answer = {"Success": True, "ChangeId": change_id, "ICCID": asked.iccid.strip()}
    return answer | {"RevServiceId": asked.rev_service_id, "Message": NAMED}


@actions.post("/{change_id}/revert", openapi_extra=described_body(Revert, Reason="wrong customer, ticket 4712"))
def revert(
    caller: EditorDep,
    _creator: CreatorDep,
    change_id: ChangeId,
    body: BodyDep,
    engine: EngineDep,
    now: NowDep,
    send: SendDep,
) -> dict[str, Any]:
    """Take an ended change back by a change of its own: devices get back what they had, lines made for them are ended."""
    asked = read_fields(Revert, read_json_object(body))
    created = revert_change(engine, caller, change_id, reason=asked.reason, now=now)
    return created_to_api(created, waits=send_at_once(engine, created.change_id, send))


@actions.post("/{change_id}/revert/preview", openapi_extra=described_body(RevertPreview))
def preview_of_revert(
    caller: EditorDep, _creator: CreatorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep
) -> Response:
    """Return what taking a change back would do: nothing is stored, and Rev.io is not asked."""
    read_fields(RevertPreview, read_json_object(body))
    return preview_to_api(preview_revert(engine, caller, change_id, now=now))

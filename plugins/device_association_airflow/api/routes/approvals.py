"""What the portal lets a second person do: approve a change or refuse it, and say which changes have to be approved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from device_association.domain.association_request import read_fields
from device_association.messaging.outbox import send_at_once
from device_association.requests import approval_rules
from device_association.requests import approvals as rules
from device_association.requests.json_bodies import read_json_object
from device_association_airflow.api.answers import WAITS
from device_association_airflow.api.dependencies import EditorDep, EngineDep, NowDep, ReaderDep, SendDep
from device_association_airflow.api.json_body import BodyDep, described_body
from device_association_airflow.api.parameters import ChangeId

approvals = APIRouter()


@approvals.post(
    "/BulkChanges/{change_id}/approve", openapi_extra=described_body(rules.Answer, Reason="checked with the customer")
)
def approve(
    caller: EditorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep, send: SendDep
) -> dict[str, Any]:
    """Start a change that waits for approval; the first answer counts, and nobody approves an own request."""
    asked = read_fields(rules.Answer, read_json_object(body))
    done = rules.answer_approval(engine, caller, change_id, approve=True, reason=asked.reason, now=now)
    answer = {"Success": True, "ChangeId": change_id, "Status": done.status}
    answer |= {"Accepted": done.accepted, "Rejected": done.rejected}
    return answer | ({"Message": WAITS} if send_at_once(engine, change_id, send) else {})


@approvals.post(
    "/BulkChanges/{change_id}/refuse", openapi_extra=described_body(rules.Refusing, Reason="not this customer's SIMs")
)
def refuse(caller: EditorDep, change_id: ChangeId, body: BodyDep, engine: EngineDep, now: NowDep) -> dict[str, Any]:
    """End a change that waits for approval; nothing of it is begun."""
    asked = read_fields(rules.Refusing, read_json_object(body))
    done = rules.answer_approval(engine, caller, change_id, approve=False, reason=asked.reason, now=now)
    return {"Success": True, "ChangeId": change_id, "Status": done.status}


@approvals.get("/ApprovalRule")
def approval_rule(caller: ReaderDep, engine: EngineDep) -> dict[str, Any]:
    """Return when a change of the caller's tenant has to be approved."""
    return {"Success": True, **approval_rules.find_rule(engine, caller.tenant_id).model_dump(by_alias=True)}


@approvals.post(
    "/ApprovalRule",
    openapi_extra=described_body(
        approval_rules.ApprovalRule, MostDevices=10_000, MostRejectedPercent=20, FirstUse=True
    ),
)
def set_approval_rule(caller: EditorDep, body: BodyDep, engine: EngineDep, now: NowDep) -> dict[str, Any]:
    """Say when a change of the caller's tenant has to be approved, from now on; what is left out asks nobody."""
    rule = read_fields(approval_rules.ApprovalRule, read_json_object(body))
    approval_rules.set_rule(engine, caller, rule, now=now)
    return {"Success": True, **rule.model_dump(by_alias=True)}

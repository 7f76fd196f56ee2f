"""Bulk changes: created from a request, all rows, holds and the message in the outbox in one transaction.

Source: the domain contract, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, find_caller
from device_association.bulk_changes.claims import ended_text
from device_association.bulk_changes.locks import find_bulk_change, insert_state
from device_association.database import statistics
from device_association.database.execution import in_parts, in_transaction, run, values
from device_association.domain.association_request import (
    AssociateCustomer,
    local_to_utc,
    parse_request,
    times_that_never_were,
)
from device_association.domain.codes import CUSTOMER_ASSIGNMENT, RUNNING, ChangeStatus
from device_association.domain.encoding import as_json
from device_association.domain.errors import ChangeNotRunnable, RequestRefused
from device_association.requests.approval_rules import approval_reason
from device_association.requests.approvals import ask_or_start
from device_association.requests.change_spec import ChangeSpec, from_request
from device_association.requests.device_rules import count_rows, reject_devices
from device_association.requests.idempotency import Answer, RequestKey, keep_answer, take_key
from device_association.requests.payloads import insert_terms, payload_template
from device_association.requests.request_rules import Customer, find_customer, find_facts, refusals


@dataclass(frozen=True, slots=True)
class Created:
    """What the caller gets at once: the change's id and how many of its devices may go on."""

    change_id: int
    accepted: int
    rejected: int
    is_replay: bool = field(default=False, compare=False)
    needs_approval: str | None = field(default=None, compare=False)
    """Why the change waits until a second person has approved it."""


def create_bulk_change(
    engine: Engine,
    sent: Mapping[str, object],
    *,
    user_name: str,
    now: datetime,
    max_devices: int,
    run_id: str | None = None,
    key: RequestKey | None = None,
) -> Created:
    """Store a request as a bulk change of its user, with the message that will start it; return its id and counts.

    With `run_id` (a run of the trigger form) that run claims the change in the same transaction, no message is sent, and
    a second call with the same run id returns the change of the first; so does a second call with the same `key`. Raises
    RequestRefused, and stores nothing, when the request as a whole is wrong. A change whose devices are all refused is
    closed as ERROR at once, unless it is claimed: then its run closes it.
    """
    request = parse_request(sent, max_devices=max_devices)

    def create(connection: Connection) -> Created:
        earlier = find_by_run_key(connection, run_id) if run_id else None
        if earlier is not None:
            return _counted(connection, earlier)
        caller = find_caller(connection, user_name)
        answered = key and take_key(connection, key, caller.user_id, now=now)
        if answered:
            return Created(answered.change_id, answered.accepted, answered.rejected, is_replay=True)
        stored = store_request(connection, request, caller, run_id=run_id, now=now)
        change_id, created = stored.change_id, stored.created
        if run_id is None or created.needs_approval:
            actor, why = caller.user_name, created.needs_approval
            ask_or_start(connection, change_id, 0, why, open_rows=created.accepted, actor=actor, now=now)
        if key:
            answer = Answer(change_id, created.accepted, created.rejected)
            keep_answer(connection, key, caller.user_id, answer)
        return created

    return in_transaction(engine, create)


@dataclass(frozen=True, slots=True)
class Stored:
    """A request as it was stored: what its caller is told, what it asks, and for whom."""

    created: Created
    terms: ChangeSpec
    customer: Customer

    @property
    def change_id(self) -> int:
        """The id of the change."""
        return self.created.change_id


def store_request(
    connection: Connection, request: AssociateCustomer, caller: PortalUser, *, run_id: str | None, now: datetime
) -> Stored:
    """Write a request as a change with its rows, and refuse the devices that may not go on; or raise RequestRefused."""
    customer = find_customer(connection, caller, request.rev_customer_id)
    terms = from_request(request, customer.customer_id)
    _refuse(connection, terms, customer, caller, request, now)
    change_id = insert_change(
        connection,
        service_provider_id=request.service_provider_id,
        tenant_id=caller.tenant_id,
        site_id=customer.site_id,
        reason=request.reason,
        actor=caller.user_name,
        now=now,
        run_id=run_id,
    )
    _insert_devices(connection, change_id, request, terms, customer, caller, now)
    reject_devices(connection, change_id, actor=caller.user_name, now=now)
    created = with_reason(connection, _counted(connection, change_id), caller.tenant_id, customer.customer_id)
    return Stored(created, terms, customer)


def find_by_run_key(connection: Connection, run_key: str) -> int | None:
    """Return the id of the change that a run of the trigger form created, or None."""
    found = values(connection, "requests/find_by_run_key", run_key=run_key)
    return found[0] if found else None


def with_reason(connection: Connection, created: Created, tenant_id: int, rev_customer_id: UUID) -> Created:
    """Return what was created with the reason for which it has to be approved before it starts, if there is one."""
    if not created.accepted:
        return created
    counts = {"accepted": created.accepted, "rejected": created.rejected}
    why = approval_reason(connection, tenant_id, created.change_id, rev_customer_id, **counts)
    return replace(created, needs_approval=why)


def check_may_run(engine: Engine, bulk_change_id: int, user_name: str) -> None:
    """Raise unless this person may start this change: a portal user of its tenant who may create, and it has not ended."""
    with engine.connect() as connection:
        caller = find_caller(connection, user_name)
        change = find_bulk_change(connection, bulk_change_id)
        about = {"bulk_change_id": bulk_change_id, "user_id": caller.user_id}
        (hidden,) = values(connection, "requests/count_hidden_devices", **about)
    if change is None or change.tenant_id != caller.tenant_id:
        raise ChangeNotRunnable(
            f"there is no bulk change {bulk_change_id} in tenant {caller.tenant_name}; check the id"
        )
    if hidden:
        raise ChangeNotRunnable(
            f"bulk change {bulk_change_id} is for customers that {user_name} may not use; ask for access to them"
        )
    if change.status not in RUNNING:
        raise ChangeNotRunnable(ended_text(bulk_change_id, change.status))


def _refuse(
    connection: Connection,
    terms: ChangeSpec,
    customer: Customer,
    caller: PortalUser,
    request: AssociateCustomer,
    now: datetime,
) -> None:
    facts = find_facts(
        connection,
        terms,
        tenant_id=caller.tenant_id,
        service_provider_id=request.service_provider_id,
        account_id=customer.account_id,
    )
    found = [
        *refusals(terms, customer, facts, tenant=caller.tenant_name, now=now),
        *times_that_never_were(request, caller.time_zone),
    ]
    if found:
        raise RequestRefused(found)


def insert_change(
    connection: Connection,
    *,
    service_provider_id: int,
    tenant_id: int,
    site_id: int | None,
    reason: str | None,
    actor: str,
    now: datetime,
    run_id: str | None = None,
) -> int:
    """Write a change and its state, and return its id; it is of a run of the form (`run_id`), or still to be started."""
    change_id: int = run(
        connection,
        "requests/insert_bulk_change",
        change_request_type_id=CUSTOMER_ASSIGNMENT,
        service_provider_id=service_provider_id,
        tenant_id=tenant_id,
        site_id=site_id,
        status=ChangeStatus.PROCESSING if run_id else ChangeStatus.NEW,
        actor=actor,
        now=now,
    ).scalar_one()
    insert_state(connection, change_id, actor=actor, reason=reason, run_id=run_id, now=now)
    return change_id


def _insert_devices(
    connection: Connection,
    change_id: int,
    request: AssociateCustomer,
    terms: ChangeSpec,
    customer: Customer,
    caller: PortalUser,
    now: datetime,
) -> None:
    activated = request.activated_date and local_to_utc(request.activated_date, caller.time_zone)
    assert customer.site_id is not None, "a customer without a site was refused"
    insert_terms(connection, change_id, terms)
    about: dict[str, object] = {
        "bulk_change_id": change_id,
        "service_provider_id": request.service_provider_id,
        "template": payload_template(
            terms, site_id=customer.site_id, account_id=customer.account_id, activated_date=activated
        ),
        "terms_hash": terms.binds["terms_hash"],
        "effective_date": request.effective_date and local_to_utc(request.effective_date, caller.time_zone),
        "activated_date": activated,
        "actor": caller.user_name,
        "now": now,
    }
    for iccids in in_parts(connection, request.iccids):
        part = as_json(iccids)
        run(connection, "requests/insert_device_changes", iccids=part, **about)
    statistics.analyze(connection, statistics.REQUESTS, new_rows=len(request.iccids))


def _counted(connection: Connection, change_id: int) -> Created:
    counts = count_rows(connection, change_id)
    return Created(change_id, accepted=counts.open_rows, rejected=counts.final_rows)

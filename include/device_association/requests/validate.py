"""The step that validates a change's devices: it refuses those that may not go on.

A change that the portal wrote itself, and the world that moved since, are brought to the same starting line as a request.
"""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding
from device_association.bulk_changes.close import count_codes
from device_association.bulk_changes.locks import BulkChange, find_bulk_change
from device_association.bulk_changes.reverts import find_revert
from device_association.bulk_changes.steps import record_step
from device_association.database.batches import in_batches, row_batches
from device_association.database.execution import rows
from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal
from device_association.requests.change_spec import ChangeSpec, ChangeSpecRow, from_row
from device_association.requests.device_rules import STEP, reject_devices
from device_association.requests.payloads import read_payloads
from device_association.requests.request_rules import Customer, find_facts, refusals


def validate_devices(engine: Engine, claim: Claim, *, now: datetime) -> dict[str, int]:
    """Refuse every device of the change that may not go on; return how many by code, and how many remain.

    One transaction: killed in the middle it leaves nothing, and a second run finds the refused rows final.
    """

    began = time.perf_counter()

    def validate(connection: Connection) -> dict[str, int]:
        read_payloads(connection, claim, now=now)
        batches = row_batches(connection, claim.bulk_change_id)
        in_batches(connection, "requests/resolve_devices", batches, bulk_change_id=claim.bulk_change_id)
        if not find_revert(connection, claim.bulk_change_id).reverts:
            reject_requests(connection, claim, now=now)
        reject_devices(connection, claim.bulk_change_id, actor=claim.actor, now=now)
        counts = count_codes(connection, claim.bulk_change_id)
        record_step(connection, claim, STEP, counts, started=now, began=began)
        return counts

    return holding(engine, claim, now, validate)


def reject_requests(connection: Connection, claim: Claim, *, now: datetime) -> None:
    """Refuse the rows whose request as a whole may no longer go on: the customer was closed or deleted meanwhile, ..."""
    change = find_bulk_change(connection, claim.bulk_change_id)
    assert change is not None, "the change is claimed"
    for one in rows(connection, ChangeSpecRow, "requests/list_terms", bulk_change_id=claim.bulk_change_id):
        terms = from_row(one)
        found = _request_refusals(connection, terms, one, change, now)
        if found:
            in_batches(
                connection,
                "requests/reject_terms",
                row_batches(connection, claim.bulk_change_id),
                bulk_change_id=claim.bulk_change_id,
                terms_id=one.terms_id,
                code=found[0].code,
                details="; ".join(map(str, found)),
                actor=claim.actor,
                now=now,
            )


def _request_refusals(
    connection: Connection, terms: ChangeSpec, asked: ChangeSpecRow, change: BulkChange, now: datetime
) -> list[Refusal]:
    if asked.customer_number is None:
        gone = f"customer {terms.rev_customer_id} was deleted since the request; choose another customer"
        return [Refusal(RequestCode.CUSTOMER_NOT_FOUND, "RevCustomerId", gone)]
    customer = Customer(
        customer_id=terms.rev_customer_id,
        number=asked.customer_number,
        name=asked.customer_name or "",
        status=asked.customer_status,
        close_date=asked.customer_close_date,
        account_id=asked.account_id,
        site_id=asked.site_id,
        is_accessible=True,
    )
    facts = find_facts(
        connection,
        terms,
        tenant_id=change.tenant_id,
        service_provider_id=change.service_provider_id,
        account_id=customer.account_id,
    )
    return refusals(terms, customer, facts, tenant=change.tenant_name, now=now)

"""A device of a slice, for tests of what is decided about it without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from device_association.service_lines.devices import SliceDevice

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEVICE = SliceDevice(
    row_id=1,
    bulk_change_id=1,
    retry_number=0,
    tenant_id=1,
    time_zone=None,
    iccid="8944500000000000001",
    msisdn=None,
    intent_id=1,
    state="PLANNED",
    looked=None,
    called=None,
    called_body=None,
    service_id=None,
    settled=NOW,
    ends_service_id=None,
    line_owner=None,
    reverted_intent_id=None,
    reverted_state=None,
    named_service_id=None,
    named_account_id=None,
    named_by=None,
    named_reason=None,
    account_id=1,
    connection_id="revio_northwind",
    customer_id=UUID(int=1),
    customer_number="4711",
    service_type_id=None,
    provider_id=None,
    usage_plan_group_id=None,
    rev_package_id=None,
    rev_product_id_list="[]",
    rate_list="[]",
    prorate=False,
    description=None,
    effective_date=None,
    activated_date=None,
    now=NOW,
    account_zone=UTC,
)


def slice_device(**columns: Any) -> SliceDevice:
    """Return a device with these columns, and none of what it need not have."""
    return replace(DEVICE, **columns)

"""What a step writes beside the line itself: log rows, mirror rows, findings, and the stop of its change."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from device_association.bulk_changes.stops import stop
from device_association.database.execution import run
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioUnauthorized
from device_association.findings.store import Finding, FindingKind
from device_association.revio.lines import Line
from device_association.service_lines.context import SliceContext
from device_association.service_lines.devices import DeviceRow, SliceDevice, disconnect_body, line_body

STEP = "create_rev_service"
log = logging.getLogger(__name__)


def log_entry(device: SliceDevice, *, response: str | None = None, error: str | None = None) -> dict[str, object]:
    """Return what the log tells of one device in this step: what was asked, and what came of it."""
    body = line_body(device) if device.ends_service_id is None else disconnect_body(device)
    asked = {name: value for name, value in body.items() if value is not None}
    return {"row_id": device.row_id, "request": asked, "response": response, "error": error}


def log_devices(
    connection: Connection, context: SliceContext, entries: Sequence[dict[str, object]], now: datetime
) -> None:
    """Write the log rows of some devices in the caller's transaction."""
    run(
        connection,
        "service_lines/log_device_steps",
        bulk_change_id=context.claim.bulk_change_id,
        devices=as_json(entries),
        step=STEP,
        actor=context.claim.actor,
        now=now,
    )


def mirror_row(device: SliceDevice, service_id: int, line: Line | None = None) -> dict[str, object]:
    """Return a line as the billing mirror keeps it: as Rev.io shows it, or, where it was not shown yet, as it was asked for.

    The keys are those of `service_lines/insert_rev_services`.
    """
    body = line_body(device)
    whose = {"service_id": service_id, "customer_id": device.customer_id, "account_id": device.account_id}
    names = ("number", "number2", "service_type_id", "provider_id", "usage_plan_group_id", "description")
    if line is None:
        return whose | {name: body[name] for name in names} | {"activated_date": device.activated_date}
    shown = {name: getattr(line, name) for name in names}
    return whose | shown | {"activated_date": line.activated, "disconnected_date": line.disconnected}


def mirror_line(
    connection: Connection,
    context: SliceContext,
    device: SliceDevice,
    service_id: int,
    line: Line | None,
    now: datetime,
) -> None:
    """Write a line to the billing mirror in the caller's transaction, see `mirror_row`."""
    mirrored, is_listed = as_json([mirror_row(device, service_id, line)]), int(line is not None)
    run(
        connection,
        "service_lines/insert_rev_services",
        lines=mirrored,
        is_listed=is_listed,
        actor=context.claim.actor,
        now=now,
    )


def finding_about(context: SliceContext, device: DeviceRow, kind: FindingKind, said: str) -> Finding:
    """Return a finding about the row of a device whose call was made."""
    return Finding(
        kind,
        f"row {device.row_id}",
        f"SIM {device.iccid}: {said}",
        account_id=device.account_id,
        tenant_id=device.tenant_id,
        bulk_change_id=context.claim.bulk_change_id,
        iccid=device.iccid,
    )


def stop_change(context: SliceContext, device: SliceDevice, refused: RevioUnauthorized) -> None:
    """Stop the whole change: Rev.io refuses the credentials; nobody else of it is called."""
    log.error("Rev.io refuses the credentials of %s: %s", device.connection_id, refused)
    now, reason = context.clock(), refusal_text(refused)
    context.transact(lambda connection: stop(connection, context.claim, DeviceCode.REV_UNAUTHORIZED, reason, now=now))


def refusal_text(refused: RevioUnauthorized) -> str:
    """Return what a person does about refused credentials; the error names the connection."""
    return f"{refused}"[:400] + "; correct the connection, then retry"

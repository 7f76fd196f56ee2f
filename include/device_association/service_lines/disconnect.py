"""Disconnects the line of each SIM of a revert at Rev.io exactly once, with its products: intent, call, recorded outcome.

The protocol is that of creation, the other way round. A line is looked at before its call, and disconnected only while it is
known to be the SIM's that we made it for; one that is another's now is reported and left. A call whose outcome is not known
is looked up by the line's id, and repeated only after the line stayed active for the settle time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from device_association.domain.codes import DeviceCode
from device_association.domain.errors import (
    RecordUnreadable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.findings.store import Finding, FindingKind
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line
from device_association.service_lines.calls import CallOperation
from device_association.service_lines.context import LineChanged, NextAction, Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, customer_number, disconnect_day, mismatch_reason
from device_association.service_lines.disconnect_products import disconnect_products
from device_association.service_lines.journal.calls import doubt_again, plan_again
from device_association.service_lines.journal.disconnects import begin_disconnects, keep_line, record_disconnected
from device_association.service_lines.journal.entries import stop_change
from device_association.service_lines.journal.lines import reject_line
from device_association.service_lines.products import ProductLine

ZONES_DIFFER = timedelta(days=1)
"""A line ends at midnight of the tenant's today, which may still be to come elsewhere."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Disconnection:
    """How the devices of a revert are brought to their end."""

    context: SliceContext

    @property
    def operation(self) -> CallOperation:
        """The calls that disconnect the lines."""
        return DISCONNECTING

    def renew(self, devices: Sequence[SliceDevice]) -> None:
        """Do nothing: each line is looked at right before its call."""

    def find(self, device: SliceDevice) -> Outcome | NextAction:
        """Return what became of a line that needs no call to be disconnected, or that it is to be disconnected by a call.

        No call for it is out any more. Its products are disconnected first: a line without them costs nothing more,
        products without their line might.
        """
        try:
            return _find(self.context, device, line_of(device))
        except RecordUnreadable as problem:
            said = f"which products line {device.ends_service_id} has cannot be read: {problem}, then retry"
            return reject_line(self.context, device, DeviceCode.REV_PRODUCT_FAILED, said)
        except RevioUnauthorized as refused:
            stop_change(self.context, device, refused)
            return Outcome.STOPPED


def line_of(device: SliceDevice) -> int:
    """Return the id of the line of a revert's device, which is to be disconnected."""
    assert device.ends_service_id is not None, "a device of a revert has a line to disconnect"
    return device.ends_service_id


def look_at(context: SliceContext, device: SliceDevice) -> Line | None:
    """Return the line of a call of unknown outcome as it is now; what Rev.io can't be asked about counts from now."""
    try:
        return context.clients(device.connection_id).line(line_of(device))
    except (RevioRetryable, RevioRejected):
        doubt_again(context, device)
        raise


def is_disconnected(line: Line, now: datetime) -> bool:
    """Whether a line is disconnected today; a date further ahead is somebody's plan."""
    return line.disconnected is not None and line.disconnected <= now + ZONES_DIFFER


def _look(client: RevioClient, device: SliceDevice) -> None:
    """Look at the line right before its call; raise LineChanged where it is not as it was, or is not shown."""
    ends = line_of(device)
    try:
        line = client.line(ends)
    except RevioRejected as refused:
        raise LineChanged(f"line {ends} cannot be looked at: {refused}") from refused
    if line is None or _why_strange(device, line) or is_disconnected(line, device.now):
        raise LineChanged(f"line {ends} has changed since it was looked at")


def _disconnect(client: RevioClient, device: SliceDevice) -> int:
    ends = line_of(device)
    client.end_line(ends, disconnect_day(device))
    return ends


DISCONNECTING = CallOperation(begin_disconnects, _disconnect, record_disconnected, look=_look)


def _find(context: SliceContext, device: SliceDevice, ends: int) -> Outcome | NextAction:
    asked = context.clock()
    line = look_at(context, device)
    why = _why_strange(device, line)
    if line is None or why:
        return _leave(context, device, f"line {ends} was not disconnected: {why}")
    if device.state == "PLANNED":  # its products stay when somebody disconnects a line
        outcome = disconnect_products(ProductLine(context, context.clients(device.connection_id), device, ends))
        if outcome is not None:
            return outcome
        if not is_disconnected(line, asked):
            return _keep_adopted(context, device) if device.reverted_state == "ADOPTED" else NextAction.CALL
    if is_disconnected(line, asked):
        return record_disconnected(context, [(device, ends)])[0][1]
    if not plan_again(context, device, asked):
        raise RevioOutcomeUnknown(f"line {ends} is active still; it is looked at again before any other call")
    return NextAction.CALL


def _why_strange(device: SliceDevice, line: Line | None) -> str | None:
    """Return why a line is not known to be the one that was made for this SIM; None: it is."""
    if device.line_owner != device.iccid:
        return f"it is kept as the line of SIM {device.line_owner or 'none'}"
    return mismatch_reason(line, device.sim, {customer_number(device.customer_number)})


def _keep_adopted(context: SliceContext, device: SliceDevice) -> Outcome:
    said = f"line {device.ends_service_id} was there before and stays; what was added to it is disconnected"
    keep_line(context, device, said)
    return Outcome.KEPT


def _leave(context: SliceContext, device: SliceDevice, said: str) -> Outcome:
    """Leave a line that may be somebody else's, and report it; its device is reverted all the same."""
    log.warning("%s: %s", device.iccid, said)
    finding = Finding(
        FindingKind.LINE_OF_REVERTED_CHANGE,
        f"line {device.account_id}/{device.ends_service_id}",
        f"SIM {device.iccid}: {said}",
        account_id=device.account_id,
        tenant_id=device.tenant_id,
        bulk_change_id=context.claim.bulk_change_id,
        iccid=device.iccid,
        service_id=device.ends_service_id,
    )
    keep_line(context, device, said, [finding])
    return Outcome.KEPT

"""Adopts the line that a person named as a SIM's, where what Rev.io shows does not say which one it is.

Source: the domain contract, section 4, REV_LINE_AMBIGUOUS. A named line is never created, and adopted whatever number it
carries; the SIM that had it before loses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from device_association.database.execution import rows, run, values
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioUnauthorized
from device_association.revio.lines import Line
from device_association.revio.sims import Judgment, Verdict
from device_association.service_lines.context import Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal.entries import stop_change
from device_association.service_lines.journal.lines import find_owner, reject_line, settle_line

STEP = "name_line"
"""The step under which the log tells of a line that was named, or that a SIM lost to another one."""
INSTEAD = "name another line, or send the device in a new request"


@dataclass(frozen=True, slots=True)
class LineUser:
    """A row whose intent has a line as that of a SIM, as `service_lines/list_users` returns it."""

    row_id: int
    bulk_change_id: int
    customer_id: UUID
    tenant_id: int
    row_is_open: bool


def has_named_line(device: SliceDevice) -> bool:
    """Whether a person named the line of a device's SIM."""
    return device.named_service_id is not None


def adopt_named_line(context: SliceContext, device: SliceDevice, found: Judgment) -> Outcome | None:
    """Adopt the line that was named for a device, or end its row with what is wrong with that line.

    `found` is what Rev.io shows of the SIM by its numbers; its other lines stay as they are and are named in the log.
    None: the named line cannot be adopted, and without it Rev.io shows one line that can. Raises the errors of the Rev.io
    client, and RevioOutcomeUnknown where the adoption comes too late.
    """
    service_id = device.named_service_id
    assert service_id is not None, "a line was named for it"
    try:
        line = context.clients(device.connection_id).line(service_id)
    except RevioUnauthorized as refused:
        stop_change(context, device, refused)
        return Outcome.STOPPED
    problem = _problem_of(context, device, line)
    if problem is None and line is not None:
        own = partial(_take_over, context, others=[one for one in found.lines if one.service_id != service_id])
        return settle_line(context, device, service_id, Outcome.ADOPTED, line, own=own)[0]
    if found.verdict is Verdict.OWN and found.lines[0].service_id != service_id:
        return None
    assert problem is not None, "a line that is not there is a problem"
    code, what = problem
    said = f"line {service_id}, which {device.named_by} named as this SIM's, {what}"
    return reject_line(context, device, code, said)


def _problem_of(context: SliceContext, device: SliceDevice, line: Line | None) -> tuple[DeviceCode, str] | None:
    """Return why a named line cannot be adopted, as a code and the rest of a sentence; None where it can be."""
    ambiguous, now = DeviceCode.REV_LINE_AMBIGUOUS, context.clock()
    if device.named_account_id != device.account_id:
        return ambiguous, "was named in another Rev.io account than that of the customer; name it again"
    with context.engine.connect() as connection:
        if _was_named_later(connection, device):
            return ambiguous, "was named for another SIM since; name the right line of each"
        owner, users = _former(connection, device)
    if any(one.row_is_open for one in users):
        return ambiguous, f"is just being given to SIM {owner} by a bulk change; retry when that has ended"
    if line is None:
        return ambiguous, f"is not at Rev.io; {INSTEAD}"
    if line.customer_id is None:
        return ambiguous, "has no customer_id at Rev.io that can be read; correct the record in Rev.io, then retry"
    if line.disconnected is not None:
        is_over = line.disconnected <= now
        ends = f"{'was' if is_over else 'is to be'} disconnected at {line.disconnected:%Y-%m-%d %H:%M} UTC"
        return ambiguous, f"{ends}; {INSTEAD if is_over else 'have the date removed, or name another line'}"
    if line.customer_id not in device.customers:
        at_other = "is another customer's at Rev.io; name another line, or have it moved to this customer, then retry"
        return DeviceCode.REV_LINE_OF_OTHER_CUSTOMER, at_other
    return None


def _former(connection: Connection, device: SliceDevice) -> tuple[str | None, Sequence[LineUser]]:
    """Return the other SIM whose line a named line is kept as, None for none, and the rows that have it for that SIM."""
    service_id = device.named_service_id
    owner = find_owner(connection, device.account_id, service_id) if service_id is not None else None
    if owner is None or owner == device.iccid:
        return None, []
    about = {"account_id": device.account_id, "service_id": service_id}
    return owner, rows(connection, LineUser, "service_lines/list_users", iccid=owner, **about)


def _was_named_later(connection: Connection, device: SliceDevice) -> bool:
    (later,) = values(connection, "service_lines/count_later", row_id=device.row_id)
    return bool(later)


def _take_over(
    context: SliceContext,
    connection: Connection,
    device: SliceDevice,
    service_id: int,
    now: datetime,
    *,
    others: Iterable[Line],
) -> str | None:
    """Give a line to the SIM that it was named for, and return what to log of it.

    None, and nothing is written: it was named for another SIM meanwhile, or its former SIM is being given its customer.
    """
    former, users = _former(connection, device)
    if _was_named_later(connection, device) or any(one.row_is_open for one in users):
        return None
    account = {"account_id": device.account_id, "service_id": service_id}
    run(connection, "service_lines/own_lines", lines=as_json([{**account, "number2": device.iccid}]), now=now)
    run(connection, "service_lines/give_line", iccid=device.iccid, now=now, **account)
    said = f"; {device.named_by} named it: {device.named_reason}"
    if former is not None:
        run(connection, "service_lines/clear_links", iccid=former, actor=context.claim.actor, now=now, **account)
        for one in users:
            _log_for_former(connection, context, one, device, service_id, now)
        said += f"; until now it was the line of SIM {former}" + _used_by(device, users)
    rest = ", ".join(map(str, others))
    return said + (f"; also active for this SIM, and left as they are: {rest}" if rest else "")


def _used_by(device: SliceDevice, users: Sequence[LineUser]) -> str:
    """Say which changes gave the line to the former SIM; those of another tenant or customer are not named."""
    whose = (device.tenant_id, device.customer_id)
    is_own = [one.bulk_change_id for one in users if (one.tenant_id, one.customer_id) == whose]
    changes = ", ".join(f"{one}" for one in dict.fromkeys(is_own))
    if changes:
        return f", given to it by bulk change {changes}, whose revert does not disconnect it any more"
    return ", given to it by another bulk change, whose revert does not disconnect it any more" if users else ""


def _log_for_former(
    connection: Connection, context: SliceContext, user: LineUser, device: SliceDevice, service_id: int, now: datetime
) -> None:
    """Log for the change that gave a line to its former SIM that the SIM has it no more."""
    said = f"line {service_id} is kept as the line of SIM {device.iccid} from now on, as whose a person named it"
    run(
        connection,
        "service_lines/log_device_steps",
        bulk_change_id=user.bulk_change_id,
        devices=as_json([{"row_id": user.row_id, "request": None, "response": said, "error": None}]),
        step=STEP,
        actor=context.claim.actor,
        now=now,
    )

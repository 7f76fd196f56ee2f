"""Ends the line of each SIM of a revert at Rev.io exactly once, with its products: intent, call, recorded outcome.

The protocol is that of creation, the other way round. A line is looked at before its call, and ended only while it is known
to be the SIM's that we made it for; one that is another's by now is reported and left. A call whose outcome is not known is
looked up by the line's id, and repeated only after the line stayed active for the settle time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from device_association.database.execution import Record, as_json, changed, in_transaction, records, run
from device_association.domain.codes import DeviceCode
from device_association.domain.errors import (
    RecordUnreadable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.domain.storable_text import storable
from device_association.findings.store import Finding, FindingKind, report
from device_association.revio.client import Line, RevioClient
from device_association.revio.lines import Sim
from device_association.service_lines.disconnect_products import end_products
from device_association.service_lines.dispatch import Work
from device_association.service_lines.journal.calls import begin_calls, plan_again
from device_association.service_lines.journal.lines import (
    Desk,
    LineChanged,
    Outcome,
    end_day,
    log_devices,
    log_entry,
    reject_line,
    stop_change,
)
from device_association.service_lines.plan import customer_number, why_not_ours

ZONES_DIFFER = timedelta(days=1)
"""A line ends at midnight of the tenant's today, which may still be to come elsewhere."""
log = logging.getLogger(__name__)


def find_end(desk: Desk, device: Record) -> Outcome | None:
    """Return what became of a line that needs no call to be ended, or none yet; None: it is to be ended by a call.

    No call for it is out any more. Its products are ended first: a line without them costs nothing more, products without
    their line might.
    """
    try:
        return _find(desk, device)
    except RecordUnreadable as problem:
        said = f"which products line {device['ends_service_id']} has cannot be read: {problem}, then retry"
        return reject_line(desk, device, DeviceCode.REV_PRODUCT_FAILED, said)
    except RevioUnauthorized as refused:
        stop_change(desk, device, refused)
        return Outcome.STOPPED


def look_at(desk: Desk, device: Record) -> Line | None:
    """Return the line of a call of unknown outcome as it is now; what Rev.io can't be asked about counts from now."""
    try:
        return desk.clients(device["connection_id"]).line(device["ends_service_id"])
    except (RevioRetryable, RevioRejected):
        desk.transact("service_lines/doubt_again", intent_id=device["intent_id"])
        raise


def is_ended(line: Line, now: datetime) -> bool:
    """Whether a line is disconnected today; a date further ahead is somebody's plan."""
    return line.disconnected is not None and line.disconnected <= now + ZONES_DIFFER


def record_ended(desk: Desk, ended: Sequence[tuple[Record, int]]) -> list[tuple[Record, Outcome]]:
    """Record lines that are ended, with their mirror and log rows, in one transaction; that holds whoever asked for it."""
    now = desk.clock()
    intents = as_json([{"intent_id": device["intent_id"]} for device, _ in ended])

    def record(connection: Connection) -> None:
        settled = {
            one["intent_id"] for one in records(connection, "service_lines/settle_ended", intents=intents, now=now)
        }
        run(connection, "service_lines/end_mirrors", intents=intents, actor=desk.claim.actor, now=now)
        told = [
            log_entry(device, response=f"line {service_id} disconnected")
            for device, service_id in ended
            if device["intent_id"] in settled
        ]
        if told:
            log_devices(connection, desk, told, now)

    in_transaction(desk.engine, record)
    return [(device, Outcome.ENDED) for device, _ in ended]


def _look(client: RevioClient, device: Record) -> None:
    """Look at the line right before its call; raise LineChanged where it is not as it was, or is not shown."""
    ends: int = device["ends_service_id"]
    try:
        line = client.line(ends)
    except RevioRejected as refused:
        raise LineChanged(f"line {ends} cannot be looked at: {refused}") from refused
    if line is None or _why_strange(device, line) or is_ended(line, device["now"]):
        raise LineChanged(f"line {ends} has changed since it was looked at")


def _end(client: RevioClient, device: Record) -> int:
    ends: int = device["ends_service_id"]
    client.end_line(ends, end_day(device))
    return ends


ENDING = Work(partial(begin_calls, statement="service_lines/begin_disconnects"), _end, record_ended, look=_look)


def _find(desk: Desk, device: Record) -> Outcome | None:
    ends, asked = device["ends_service_id"], desk.clock()
    line = look_at(desk, device)
    why = _why_strange(device, line)
    if line is None or why:
        return _leave(desk, device, f"line {ends} was not disconnected: {why}")
    if device["state"] == "PLANNED":  # its products stay when somebody disconnects a line
        outcome = end_products(desk, device)
        if outcome is not None:
            return outcome
        if not is_ended(line, asked):
            return _keep_adopted(desk, device) if device["line_was"] == "ADOPTED" else None
    if is_ended(line, asked):
        return record_ended(desk, [(device, ends)])[0][1]
    if not plan_again(desk, device, asked):
        raise RevioOutcomeUnknown(f"line {ends} is active still; it is looked at again before any other call")
    return None


def _why_strange(device: Record, line: Line | None) -> str | None:
    """Say why a line is not known to be the one that was made for this SIM."""
    if device["line_owner"] != device["iccid"]:
        return f"it is kept as the line of SIM {device['line_owner'] or 'none'}"
    return why_not_ours(line, Sim(device["iccid"], device["msisdn"]), {customer_number(device["customer_number"])})


def _keep_adopted(desk: Desk, device: Record) -> Outcome:
    said = f"line {device['ends_service_id']} was there before and stays; what was added to it is disconnected"
    _keep(desk, device, said, [])
    return Outcome.KEPT


def _leave(desk: Desk, device: Record, said: str) -> Outcome:
    """Leave a line that may be somebody else's, and report it; its device is given back all the same."""
    log.warning("%s: %s", device["iccid"], said)
    finding = Finding(
        FindingKind.LINE_OF_REVERTED_CHANGE,
        f"line {device['account_id']}/{device['ends_service_id']}",
        f"SIM {device['iccid']}: {said}",
        account_id=device["account_id"],
        tenant_id=device["tenant_id"],
        bulk_change_id=desk.claim.bulk_change_id,
        iccid=device["iccid"],
        service_id=device["ends_service_id"],
    )
    _keep(desk, device, said, [finding])
    return Outcome.KEPT


def _keep(desk: Desk, device: Record, said: str, findings: Sequence[Finding]) -> None:
    """Settle a line that stays, with its log row and what is to be told, in one transaction."""
    now = desk.clock()

    def keep(connection: Connection) -> None:
        if changed(
            connection, "service_lines/keep_line", intent_id=device["intent_id"], detail=storable(said, 1000), now=now
        ):
            log_devices(connection, desk, [log_entry(device, response=said)], now)
            report(connection, findings, now=now)

    in_transaction(desk.engine, keep)

"""The calls that disconnect the lines of a revert: that they begin, and what became of the lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from device_association.database.execution import changed, run, values
from device_association.domain.encoding import as_json
from device_association.domain.storable_text import storable
from device_association.findings.store import Finding, report
from device_association.service_lines.context import Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal.entries import log_devices, log_entry


def begin_disconnects(context: SliceContext, devices: Sequence[SliceDevice]) -> set[int]:
    """Take the leases of the calls that disconnect these SIMs' lines; return the intents whose call is to be made now.

    The transaction holds the claim, see `begin_calls`.
    """
    now = context.clock()
    return context.transact_holding(
        lambda connection: set(
            values(
                connection,
                "service_lines/begin_disconnects",
                intents=as_json([{"intent_id": one.intent_id} for one in devices]),
                connection_id=devices[0].connection_id,
                owner=context.owner,
                lease_until=now + timedelta(seconds=context.settings.rev_lease_seconds),
                run_id=context.claim.run_id,
                now=now,
                **context.claim.key,
            )
        )
    )


def record_disconnected(
    context: SliceContext, disconnected: Sequence[tuple[SliceDevice, int]]
) -> list[tuple[SliceDevice, Outcome]]:
    """Record lines that are disconnected, with their mirror and log rows, in one transaction, whoever asked for it."""
    now = context.clock()
    intents = as_json([{"intent_id": device.intent_id} for device, _ in disconnected])

    def record(connection: Connection) -> None:
        settled = set(values(connection, "service_lines/settle_ended", intents=intents, now=now))
        run(connection, "service_lines/end_mirrors", intents=intents, actor=context.claim.actor, now=now)
        entries = [
            log_entry(device, response=f"line {service_id} disconnected")
            for device, service_id in disconnected
            if device.intent_id in settled
        ]
        if entries:
            log_devices(connection, context, entries, now)

    context.transact(record)
    return [(device, Outcome.ENDED) for device, _ in disconnected]


def keep_line(context: SliceContext, device: SliceDevice, why: str, findings: Sequence[Finding] = ()) -> None:
    """Settle a line of a revert that stays, with its log row and findings, in one transaction."""
    now = context.clock()

    def keep(connection: Connection) -> None:
        about = {"intent_id": device.intent_id, "detail": storable(why, 1000), "now": now}
        if changed(connection, "service_lines/keep_line", **about):
            log_devices(connection, context, [log_entry(device, response=why)], now)
            report(connection, findings, now=now)

    context.transact(keep)

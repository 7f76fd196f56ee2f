"""Compares what was acknowledged with what is there, and says what is broken and how it came to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos.checks import audits, ends, lines, messages, others, remains, states
from chaos.checks.sims import keys_of, sim_key
from chaos.checks.view import View
from chaos.checks.violations import Violation
from chaos.records.world import Row, World

CHECKS = (
    *ends.CHECKS,
    *states.CHECKS,
    *lines.CHECKS,
    *others.CHECKS,
    *remains.CHECKS,
    *audits.CHECKS,
    *messages.CHECKS,
)
__all__ = ["CHECKS", "Violation", "check", "history_of"]


def check(world: World) -> list[Violation]:
    """Return every violation, each once."""
    view = View(world)
    return list(dict.fromkeys(violation for one in CHECKS for violation in one(view)))


def history_of(world: World, violation: Violation) -> list[Row]:
    """Return all that is known of a violation's change and SIM, in the order in which it happened."""
    view = View(world)
    steps = {step for change, step in view.steps.items() if change == violation.change}
    found = [event for event in world.history if _is_about(event, violation, steps)]
    return sorted([*found, *_noted(view, violation), *_made(world, violation)], key=lambda event: str(event["at"]))


def _is_about(event: dict[str, Any], violation: Violation, steps: set[int]) -> bool:
    if violation.change is not None and event.get("change") == violation.change:
        return True
    is_question = event["kind"] in {"ask", "retry", "cancel", "revert"}
    return is_question and (event["n"] in steps or violation.iccid in event.get("iccids", ()))


def _noted(view: View, violation: Violation) -> Iterator[Row]:
    rows = [row for rows in view.rows.values() for row in rows]
    devices = {one["id"] for one in view.devices.values() if one["iccid"] == violation.iccid}
    about = {
        "m2m_devicechange": {row["id"] for row in rows if row["iccid"] == violation.iccid},
        "devicebulkchange": {violation.change},
        "device_tenant": {one["id"] for one in view.tenancies.values() if one["deviceid"] in devices},
        "device": devices,
    }
    for noted in view.table("noted"):
        if noted["rowid"] in about.get(noted["tablename"], ()):
            yield {"what": "noted", **noted}


def _made(world: World, violation: Violation) -> Iterator[Row]:
    key = violation.iccid and (sim_key(violation.iccid) or violation.iccid)
    for entry in world.journal:
        lines = [entry.get("service"), entry.get("before"), (entry.get("record") or {}).get("fields")]
        if key and any(f"sim {key}" in keys_of(line) for line in lines if line):
            yield {"what": "journal", **entry}

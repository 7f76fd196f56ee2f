"""The words and figures of the screens: states, ages, lengths of time, and the parts of a counts bar."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from device_association.domain.codes import NOT_ENDED, ChangeStatus, DeviceChangeStatus
from device_association.findings.store import FindingKind
from device_association.portal.changes import StepTimes

CHANGE_WORDS = {
    ChangeStatus.NEW: "Waiting",
    ChangeStatus.PENDING_APPROVAL: "Needs approval",
    ChangeStatus.PROCESSING: "Running",
    ChangeStatus.PROCESSED: "Done",
    ChangeStatus.PARTIALLY_PROCESSED: "Partly done",
    ChangeStatus.ERROR: "Failed",
    ChangeStatus.CANCELED: "Canceled",
}
ROW_WORDS = {
    DeviceChangeStatus.NEW: "Waiting",
    DeviceChangeStatus.PROCESSING: "Running",
    DeviceChangeStatus.PROCESSED: "Succeeded",
    DeviceChangeStatus.ERROR: "Refused",
    DeviceChangeStatus.API_FAILED: "Failed in Rev.io",
    DeviceChangeStatus.CANCELED: "Not attempted",
}
FINDING_WORDS = {kind: kind.replace("_", " ").capitalize().replace(" sim", " SIM") for kind in FindingKind}
FIELD_WORDS = {
    "SiteId": "Site",
    "AccountNumber": "Customer number",
    "AccountNumberIntegrationAuthenticationId": "Rev.io account",
    "RevServiceId": "Line",
    "CustomerRatePlanId": "Customer plan",
    "CustomerRatePoolId": "Customer pool",
    "CustomerDataAllocationMB": "Data allocation in MB",
    "CarrierRatePlanId": "Carrier plan",
    "CommPlan": "Communication plan",
}
"""What a device's history names; the names are the portal's columns."""
STEPS = {
    "validate_devices": "Validate devices",
    "check_data": "Check data",
    "plan_rev_services": "Plan lines",
    "create_rev_service": "Create lines in Rev.io",
    "associate_devices": "Associate devices",
    "update_cross_provider_device_history": "Update history",
    "update_device_rev_service_links": "Link lines",
}
"""The steps that a change's record names, in their order."""
STEPS_BACK = STEPS | {
    "plan_rev_services": "Plan what ends",
    "create_rev_service": "Disconnect lines in Rev.io",
    "associate_devices": "Give devices back",
}
"""The same steps of a change that takes another one back."""
SLICED = "create_rev_service"
GROUPS = {
    "succeeded": ("Succeeded", (DeviceChangeStatus.PROCESSED,)),
    "failed": ("Failed", (DeviceChangeStatus.ERROR, DeviceChangeStatus.API_FAILED)),
    "canceled": ("Not attempted", (DeviceChangeStatus.CANCELED,)),
    "running": ("Running", (DeviceChangeStatus.PROCESSING,)),
    "waiting": ("Waiting", (DeviceChangeStatus.NEW,)),
}
"""What a counts bar shows, from left to right; the page of a change moves its bar by the same states."""
NAMED_LINES = re.compile(r"\blines? ((?:[0-9]{1,10}(?:, )?)+)")
UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a counts bar: the states it counts, and its devices, which begin after `start` others."""

    name: str
    label: str
    states: tuple[DeviceChangeStatus, ...]
    devices: int
    start: int


class StepState(StrEnum):
    """How a step stands; the value is what the page says of it where no time is known."""

    DONE = "done"
    RUNNING = "running"
    TO_COME = "to come"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a change in words, and how long it took once it is done."""

    title: str
    state: StepState
    seconds: float | None


def segments(counts: Mapping[str, int]) -> list[Segment]:
    """Return the parts of a counts bar; together they are the whole."""
    start, found = 0, []
    for name, (label, states) in GROUPS.items():
        devices = sum(counts[state] for state in states)
        found.append(Segment(name, label, states, devices, start))
        start += devices
    return found


def steps(recorded: Sequence[StepTimes], status: str, *, reverts: bool = False) -> list[Step]:
    """Return every step of a change with how it stands; the one that makes lines is recorded slice by slice."""
    known = {name: [one for one in recorded if one.step.split(" ")[0] == name] for name in STEPS}
    reached = max((place for place, name in enumerate(STEPS) if known[name]), default=-1)
    running = reached if reached >= 0 and list(STEPS)[reached] == SLICED else reached + 1
    found = []
    for place, (name, title) in enumerate((STEPS_BACK if reverts else STEPS).items()):
        if status == ChangeStatus.PROCESSING and place == running:
            state = StepState.RUNNING
        elif known[name]:
            state = StepState.DONE
        else:
            state = StepState.TO_COME if status in NOT_ENDED and place > reached else StepState.NOT_RUN
        found.append(Step(title, state, _seconds(known[name]) if state is StepState.DONE else None))
    return found


def _seconds(records: Sequence[StepTimes]) -> float:
    """Return how long a step took, from the first begin of its slices to the last end."""
    seconds = max(one.ended for one in records) - min(one.started for one in records)
    return float(seconds.total_seconds())


def lines_in(message: str) -> list[str]:
    """Return the ids of the lines that a device's message names, each once, in its order."""
    found = (one for part in NAMED_LINES.findall(message) for one in re.findall("[0-9]+", part))
    return list(dict.fromkeys(found))


def number(value: int | Decimal) -> str:
    """Return a number with its thousands apart, a decimal without idle zeros."""
    return f"{value.normalize():,f}" if isinstance(value, Decimal) else f"{value:,}"


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units."""
    left, said = round(seconds), []
    if left < 1:
        return "under 1 second"
    for size, unit in UNITS:
        count, left = divmod(left, size)
        if count:
            said.append(f"{count} {unit}{'s' if count > 1 else ''}")
        if len(said) == 2:
            break
    return " ".join(said)


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago an instant was, in its largest unit."""
    past = now - moment
    if past < timedelta(minutes=1):
        return "just now"
    return f"{' '.join(duration(past.total_seconds()).split(' ')[:2])} ago"

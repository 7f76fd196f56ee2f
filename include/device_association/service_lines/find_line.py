"""Finds the line of a SIM that wants one, before a call for it and after one whose outcome is in doubt."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from device_association.domain.codes import DeviceCode
from device_association.domain.errors import (
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.revio.lines import Line
from device_association.revio.listings import CLOCKS_DIFFER
from device_association.revio.sims import Judgment, Verdict
from device_association.service_lines.calls import CallOperation, creating
from device_association.service_lines.context import NextAction, Outcome, SliceContext
from device_association.service_lines.devices import SliceDevice, differing_terms
from device_association.service_lines.journal.calls import blocking_reason, doubt_again, plan_again
from device_association.service_lines.journal.entries import stop_change
from device_association.service_lines.journal.lines import reject_line, settle_line
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.named_lines.adoption import adopt_named_line, has_named_line

REJECTIONS = {
    Verdict.OTHER_CUSTOMER: DeviceCode.REV_LINE_OF_OTHER_CUSTOMER,
    Verdict.AMBIGUOUS: DeviceCode.REV_LINE_AMBIGUOUS,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Creation:
    """How the devices that want a line are brought to it."""

    context: SliceContext
    looks: SliceLooks

    @property
    def operation(self) -> CallOperation:
        """The calls that create the lines."""
        return creating(self.looks)

    def renew(self, devices: Sequence[SliceDevice]) -> None:
        """Look at what was created since these SIMs were looked at, once for all of them; else each is looked up alone."""
        try:
            self.looks.renew([device for device in devices if device.state == "PLANNED"])
        except (RevioRetryable, RevioRejected, RevioUnauthorized, StepUnfinished) as problem:
            log.warning("%s", problem)

    def find(self, device: SliceDevice) -> Outcome | NextAction:
        """Return what became of a SIM for which no call is out; CALL: its line is to be created by a call."""
        context, looks = self.context, self.looks
        try:
            if device.state == "PLANNED":
                return use_found(context, looks, device, looks.judge(device), after_call=False)
            found, asked = looks.look_up(device)
        except RevioUnauthorized as refused:
            stop_change(context, device, refused)
            return Outcome.STOPPED
        except (RevioRetryable, RevioRejected, StepUnfinished):
            doubt_again(context, device)
            raise
        if found.verdict is not Verdict.FREE:
            return use_found(context, looks, device, found, after_call=True)
        if not plan_again(context, device, asked):
            raise RevioOutcomeUnknown("the line is not to be seen yet; it is looked up again before any other call")
        looks.record_looked(device, asked)
        return use_found(context, looks, device, found, after_call=False)


def use_found(
    context: SliceContext, looks: SliceLooks, device: SliceDevice, found: Judgment, *, after_call: bool
) -> Outcome | NextAction:
    """Take the one line that was found as the SIM's, or the one that a person named; reject the SIM when that cannot be.

    CALL: it has no line, and nobody has named one.
    """
    if has_named_line(device):
        try:
            named = adopt_named_line(context, device, found)
        except RevioOutcomeUnknown:
            named = blocking_reason(context, device) or Outcome.UNKNOWN
        if named is not None:
            return named
    if found.verdict is Verdict.FREE:
        return NextAction.CALL
    if found.verdict is not Verdict.OWN:
        return reject_line(context, device, REJECTIONS[found.verdict], found.reason, shown=found.lines)
    line = found.lines[0]
    assert line.service_id is not None, "a line that is the SIM's has been judged"
    outcome = outcome_of(device, line, looks.keys_before(device)) if after_call else Outcome.ADOPTED
    try:
        return settle_line(context, device, line.service_id, outcome, line)[0]
    except RevioOutcomeUnknown:
        return blocking_reason(context, device) or Outcome.UNKNOWN


def outcome_of(device: SliceDevice, line: Line, known_before: Collection[str]) -> Outcome:
    """Return whether the only line that was found after a call is one that it created, or one of somebody else's.

    Ours is what was absent before the call, was created when it was out, and equals every field that it sent and that is
    asked for now. Source: the Rev.io contract, 'Duplicates', 4 and 5.
    """
    called = device.called
    if line.key in known_before or called is None or line.created is None or not device.called_body:
        return Outcome.ADOPTED
    again = line.created.astimezone(device.account_zone).replace(fold=1)  # in the hour that comes twice
    is_of_the_call = any(called - CLOCKS_DIFFER <= one <= called + CLOCKS_DIFFER for one in (line.created, again))
    differs = line.differing_fields(json.loads(device.called_body)) or differing_terms(device, line)
    return Outcome.CREATED if is_of_the_call and not differs else Outcome.ADOPTED

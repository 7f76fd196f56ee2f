"""Changes that ended without knowing what became of their calls, and the job that settles them."""

from __future__ import annotations

from collections.abc import Sequence

from device_association.bulk_changes.claims import Claim
from device_association.domain.errors import RevioOutcomeUnknown
from device_association.revio.listings import Listing
from device_association.service_lines import in_doubt
from tests.flow import Flow, request


class Committed(RevioOutcomeUnknown):
    """Stands for a time-out after which the line is there."""

    committed = True


def settle(flow: Flow) -> dict[str, int]:
    return in_doubt.settle_outcomes(flow.portal, lambda _: flow.rev, flow.settings, flow.clock)


def findings(flow: Flow) -> list[tuple[str, str]]:
    """Return kind and subject of the open findings."""
    found = flow.all("device_association", "finding")
    return sorted((one["kind"], one["subject"]) for one in found if one["closeddate"] is None)


def ended_unknown(flow: Flow, devices: Sequence[str], error: type[RevioOutcomeUnknown]) -> Claim:
    """Give a change that ended without knowing what became of the calls; Rev.io showed nothing of them yet."""
    flow.rev.refusing = {one: [error("time-out")] for one in devices}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    claim = flow.open(flow.create(request(devices)).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    flow.associate(claim)
    flow.close(claim)
    flow.rev.lines = shown
    assert set(flow.codes(claim.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}
    return claim

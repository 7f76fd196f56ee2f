"""Calls whose outcome nobody learned before their change ended: looked up until it is known. Source: the domain contract, 5.

A line that is found is recorded, and its row is tried again once, by the actor `reconciliation`. A line that stayed absent
for the settle time was never created: a finding says that the device is safe to retry.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import changed, in_transaction, rows, run
from device_association.domain.errors import (
    ClaimLost,
    DatabaseUnavailable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.findings.one_by_one import error_text
from device_association.findings.store import FindingKind, report
from device_association.revio.lines import Line
from device_association.revio.sims import Verdict
from device_association.service_lines.context import Clients, Outcome, SliceContext
from device_association.service_lines.devices import DeviceRow, SliceDevice
from device_association.service_lines.disconnect import is_disconnected, line_of, look_at
from device_association.service_lines.find_line import outcome_of
from device_association.service_lines.journal.calls import doubt_again, expire_lease
from device_association.service_lines.journal.disconnects import record_disconnected
from device_association.service_lines.journal.entries import finding_about
from device_association.service_lines.journal.lines import settle_line
from device_association.service_lines.late_lines import retry_late_lines
from device_association.service_lines.lookups.known import KnownLine
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.lookups.snapshot import keep_lines
from device_association.settings import Settings

ACTOR = "reconciliation"
MAX_LOOK_UPS = 200
"""Maximum of calls that one sweep looks up: each is a call to Rev.io."""
LOOK_UPS_LAST = timedelta(minutes=5)
"""How long one sweep begins look-ups: the rest of the sweep waits behind them."""
FOUND, ABSENT, AMBIGUOUS, OPEN = "found", "absent", "ambiguous", "still_open"
log = logging.getLogger(__name__)


def settle_outcomes(
    engine: Engine, clients: Clients, settings: Settings, clock: Callable[[], datetime]
) -> dict[str, int]:
    """Look each such call up once; return how many were found, absent, ambiguous or stay open, and rows tried again.

    An account that does not answer, or refuses the credentials, is left for the next sweep and costs the others nothing;
    refused credentials are raised at the end. So is a call whose look-up fails: it is a finding, and the others have their
    turn first in the next sweep. So have those for which LOOK_UPS_LAST leaves no time.
    """
    with engine.connect() as connection:
        devices = rows(connection, DeviceRow, "service_lines/list_left_open", now=clock(), most=MAX_LOOK_UPS)
    counts: Counter[str] = Counter()
    until = clock() + LOOK_UPS_LAST
    refused: dict[str, RevioUnauthorized] = {}
    silent: set[str] = set()
    for device in devices:
        account = device.connection_id
        if account in silent or clock() >= until:
            counts[OPEN] += 1
            continue
        context = _context(engine, device, clients, settings, clock)
        try:
            became = _settle_alone(context, device)
        except RevioUnauthorized as problem:
            refused[account] = problem
            silent.add(account)
        except RevioRetryable as problem:
            log.warning("%s", problem)
            silent.add(account)
        else:
            counts[became] += 1
            if became == OPEN:
                look_later(context, device)
    counts["tried_again"] = retry_late_lines(engine, clock(), ACTOR)
    in_transaction(engine, lambda connection: run(connection, "service_lines/close_settled", now=clock()))
    if refused:
        raise next(iter(refused.values()))
    return dict(counts)


def _settle_alone(context: SliceContext, device: DeviceRow) -> str:
    """Look one call up; what goes wrong with this one alone is reported, and it stays open.

    An answer that cannot be used is this one's alone: other lists may be read all the same.
    """
    try:
        return _settle(context, context.at_work(device))
    except StepUnfinished as busy:
        log.info("%s: %s", device.iccid, busy)
        return OPEN
    except (RevioUnauthorized, DatabaseUnavailable):
        raise
    except Exception as problem:
        if isinstance(problem, RevioRetryable) and not (problem.status and problem.status < 300):
            raise
        log.exception("%s: its call could not be looked up; the others are looked up", device.iccid)
        why = f"a call was made for it and cannot be looked up: {error_text(problem)}"
        finding = finding_about(context, device, FindingKind.LOOK_UP_FAILED, why)
        context.transact(partial(report, findings=[finding], now=context.clock()))
        return OPEN


def _context(
    engine: Engine, device: DeviceRow, clients: Clients, settings: Settings, clock: Callable[[], datetime]
) -> SliceContext:
    claim = Claim(device.bulk_change_id, device.retry_number, ACTOR, ACTOR)
    return SliceContext(engine, claim, clients, settings, clock)


def _settle(context: SliceContext, device: SliceDevice) -> str:
    """Look one call up, and record what is known of it now."""
    if device.state == "CALLING" and not expire_lease(context, device):
        return OPEN
    return _settle_creation(context, device) if device.ends_service_id is None else _settle_disconnect(context, device)


def _settle_creation(context: SliceContext, device: SliceDevice) -> str:
    """Look a line up that was asked for: one that is the SIM's is settled, none for the settle time was never created."""
    looks = SliceLooks(context)
    with context.engine.connect() as connection:
        looks.learn([device], rows(connection, KnownLine, "service_lines/list_known_of", intent_id=device.intent_id))
    try:
        found, asked = looks.look_up(device)
    except (RevioRetryable, RevioRejected, StepUnfinished):
        doubt_again(context, device)
        raise
    if found.verdict is Verdict.FREE:
        said = "its call was made, and no line of it came to be; the SIM may be asked for again"
        return _end_absent(context, device, asked, said)
    line = found.lines[0]
    if found.verdict is not Verdict.OWN or line.service_id is None:
        return _end_strange(context, device, found.reason, shown=found.lines)
    try:
        outcome = outcome_of(device, line, looks.keys_before(device))
        settled, _ = settle_line(context, device, line.service_id, outcome, line)
    except (RevioOutcomeUnknown, ClaimLost) as lost:
        log.info("%s: %s", device.iccid, lost)
        return OPEN
    return AMBIGUOUS if settled is Outcome.REJECTED else FOUND


def _settle_disconnect(context: SliceContext, device: SliceDevice) -> str:
    """Look a line up that was asked to be disconnected: it is, or it stayed active for the settle time."""
    asked, ends = context.clock(), line_of(device)
    line = look_at(context, device)
    if line is None:
        return _end_strange(context, device, f"Rev.io shows no line {ends}, whose end was asked for")
    if is_disconnected(line, context.clock()):
        record_disconnected(context, [(device, ends)])
        return FOUND
    said = f"the end of line {ends} was asked for, and it is active still; the device may be taken back again"
    return _end_absent(context, device, asked, said)


def look_later(context: SliceContext, device: DeviceRow) -> None:
    """Put an open call behind the others of its account."""
    about = {"intent_id": device.intent_id, "now": context.clock()}
    context.transact(lambda connection: run(connection, "service_lines/look_later", **about))


def _end_absent(context: SliceContext, device: SliceDevice, asked: datetime, said: str) -> str:
    """End a call of which nothing was seen for the settle time; its row has ended, so nobody calls again by itself."""
    now = context.clock()
    finding = finding_about(context, device, FindingKind.OUTCOME_SETTLED_ABSENT, said)
    about = {"intent_id": device.intent_id, "connection_id": device.connection_id, "now": now}
    about["unknown_before"] = asked - timedelta(seconds=context.settings.rev_search_lag_seconds)

    def end(connection: Connection) -> bool:
        ended = changed(connection, "service_lines/plan_again", **about) > 0
        if ended:
            report(connection, [finding], now=now)
        return ended

    return ABSENT if context.transact(end) else OPEN


def _end_strange(context: SliceContext, device: SliceDevice, said: str, *, shown: Collection[Line] = ()) -> str:
    """End a call of which something was seen that only a person can judge; what was seen is kept, see `reject_line`."""
    now = context.clock()
    finding = finding_about(context, device, FindingKind.OUTCOME_AMBIGUOUS, said)
    about = {"intent_id": device.intent_id, "owner": context.owner, "detail": said, "now": now}

    def end(connection: Connection) -> bool:
        ended = changed(connection, "service_lines/reject_intent", was_called=0, **about) > 0
        if ended:
            report(connection, [finding], now=now)
            keep_lines(connection, shown, account_id=device.account_id, listed=now, shown=context.clock())
        return ended

    return AMBIGUOUS if context.transact(end) else OPEN

"""Calls whose outcome nobody learned before their change ended: looked up until it is known. Source: the domain contract, 5.

A line that is found is recorded, and its row is tried again once, by the actor `reconciliation`. A line that stayed absent
for the settle time was never created: a finding says that the device is safe to retry.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from sqlalchemy import Connection, Engine

from device_association.change_actions import open_again
from device_association.claims import Claim, lock_change
from device_association.codes import RUNNING, ChangeStatus
from device_association.database import Record, changed, in_transaction, rows, run
from device_association.errors import ClaimLost, RevioOutcomeUnknown, RevioRetryable, RevioUnauthorized
from device_association.findings import Finding, FindingKind, report
from device_association.line_creation import look_up, outcome_of
from device_association.line_endings import is_ended, look_at, record_ended
from device_association.line_outcomes import Desk, Outcome, settle_line
from device_association.line_planning import Clients
from device_association.reverted_changes import find_reversal
from device_association.revio import Line
from device_association.settings import Settings

ACTOR = "reconciliation"
MOST_LOOK_UPS = 200
"""Most calls that one sweep looks up: each is a call to Rev.io."""
FOUND, ABSENT, AMBIGUOUS, OPEN = "found", "absent", "ambiguous", "still_open"
log = logging.getLogger(__name__)


def settle_outcomes(
    engine: Engine, clients: Clients, settings: Settings, clock: Callable[[], datetime]
) -> dict[str, int]:
    """Look each such call up once; return how many were found, absent, ambiguous or stay open, and rows tried again.

    An account that does not answer, or refuses the credentials, is left for the next sweep and costs the others nothing;
    refused credentials are raised at the end.
    """
    with engine.connect() as connection:
        devices = rows(connection, "intents/list_left_open", now=clock(), most=MOST_LOOK_UPS)
    counts: Counter[str] = Counter()
    refused: dict[str, RevioUnauthorized] = {}
    silent: set[str] = set()
    for device in devices:
        account = device["connection_id"]
        if account in silent:
            counts[OPEN] += 1
            continue
        try:
            counts[_settle(_desk(engine, device, clients, settings, clock), device)] += 1
        except RevioUnauthorized as problem:
            refused[account] = problem
            silent.add(account)
        except RevioRetryable as problem:
            log.warning("%s", problem)
            silent.add(account)
    counts["tried_again"] = _try_again(engine, clock())
    in_transaction(engine, lambda connection: run(connection, "findings/close_settled", now=clock()))
    if refused:
        raise next(iter(refused.values()))
    return dict(counts)


def _desk(engine: Engine, device: Record, clients: Clients, settings: Settings, clock: Callable[[], datetime]) -> Desk:
    claim = Claim(device["bulk_change_id"], device["retry_number"], ACTOR, ACTOR)
    return Desk(engine, claim, clients, settings, clock)


def _settle(desk: Desk, device: Record) -> str:
    """Look one call up, and record what is known of it now."""
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("intents/expire_lease", intent_id=intent):
        return OPEN
    if device["ends_service_id"]:
        return _settle_end(desk, {**device, "now": desk.clock()})
    asked = desk.clock()
    try:
        found = look_up(desk, desk.clients(device["connection_id"]), device, [])
    except RevioRetryable:
        desk.transact("intents/doubt_again", intent_id=intent)
        raise
    if not found:
        return _end_absent(desk, device, asked - timedelta(seconds=desk.settings.rev_settle_seconds))
    if len(found) > 1:
        return _end_ambiguous(desk, device, found)
    try:
        settled, _ = settle_line(
            desk, device, found[0].service_id, outcome_of(device, found[0], after_call=True), found[0]
        )
    except (RevioOutcomeUnknown, ClaimLost) as lost:
        log.info("%s: %s", device["iccid"], lost)
        return OPEN
    return AMBIGUOUS if settled is Outcome.REJECTED else FOUND


def _settle_end(desk: Desk, device: Record) -> str:
    """Look a line up that was asked to be ended: it is by now, or it stayed active for the settle time."""
    asked, ends = desk.clock(), device["ends_service_id"]
    line = look_at(desk, device)
    if line is None:
        return _end_strange(desk, device, f"Rev.io shows no line {ends}, whose end was asked for")
    if is_ended(line, desk.clock()):
        record_ended(desk, [(device, ends)])
        return FOUND
    said = f"the end of line {ends} was asked for, and it is active still; the device may be taken back again"
    return _end_absent(desk, device, asked - timedelta(seconds=desk.settings.rev_settle_seconds), said)


def _end_absent(
    desk: Desk,
    device: Record,
    unknown_before: datetime,
    said: str = "its call was made, and no line of it came to be; the SIM may be asked for again",
) -> str:
    """End a call of which nothing was seen for the settle time; its row has ended, so nobody calls again by itself."""
    finding = _finding(device, FindingKind.OUTCOME_SETTLED_ABSENT, said)
    binds = {"unknown_before": unknown_before, "connection_id": device["connection_id"]}
    return ABSENT if _end(desk, "intents/plan_again", device, finding, **binds) else OPEN


def _end_ambiguous(desk: Desk, device: Record, found: list[Line]) -> str:
    named = ", ".join(str(line.service_id) for line in found)
    return _end_strange(desk, device, f"the active lines {named} are all this SIM's")


def _end_strange(desk: Desk, device: Record, said: str) -> str:
    """End a call of which something was seen that only a person can judge."""
    finding = _finding(device, FindingKind.OUTCOME_AMBIGUOUS, said)
    binds = {"was_called": 0, "owner": desk.owner, "detail": said}
    return AMBIGUOUS if _end(desk, "intents/reject_intent", device, finding, **binds) else OPEN


def _end(desk: Desk, statement: str, device: Record, finding: Finding, **binds: object) -> bool:
    """End an intent and keep the finding about it, in one transaction; return False when somebody else was at it."""
    now = desk.clock()

    def end(connection: Connection) -> bool:
        ended = changed(connection, statement, intent_id=device["intent_id"], now=now, **binds)
        if ended:
            report(connection, [finding], now=now)
        return ended > 0

    return in_transaction(desk.engine, end)


def _finding(device: Record, kind: FindingKind, said: str) -> Finding:
    return Finding(
        kind,
        f"row {device['row_id']}",
        f"SIM {device['iccid']}: {said}",
        account_id=device["account_id"],
        tenant_id=device["tenant_id"],
        bulk_change_id=device["bulk_change_id"],
        iccid=device["iccid"],
    )


def _try_again(engine: Engine, now: datetime) -> int:
    """Open the rows again whose line is known by now, change by change; return how many. Of a change taken back, tell."""
    with engine.connect() as connection:
        known = rows(connection, "intents/list_known_late")
        left = rows(connection, "intents/list_lines_of_reverted", now=now)
    total = 0
    for bulk_change_id, found in groupby(known, key=lambda one: one["bulk_change_id"]):
        row_ids = [one["row_id"] for one in found]
        total += in_transaction(engine, partial(_open, bulk_change_id=bulk_change_id, row_ids=row_ids, now=now))
    in_transaction(engine, lambda connection: report(connection, list(map(_left_over, left)), now=now))
    return total


def _left_over(line: Record) -> Finding:
    return Finding(
        FindingKind.LINE_OF_REVERTED_CHANGE,
        f"line {line['account_id']}/{line['service_id']}",
        f"line {line['service_id']} of SIM {line['iccid']} was found after bulk change {line['reverted_by']} had taken its "
        f"change {line['bulk_change_id']} back; it was not disconnected",
        **{name: line[name] for name in ("account_id", "tenant_id", "bulk_change_id", "iccid", "service_id")},
    )


def _open(connection: Connection, bulk_change_id: int, row_ids: list[int], now: datetime) -> int:
    change = lock_change(connection, bulk_change_id)
    if change is None or change["status"] in RUNNING | {ChangeStatus.PENDING_APPROVAL}:
        return 0
    if find_reversal(connection, bulk_change_id).reverted_by:
        return 0
    reason = "the line that was not known when the change ended is known now"
    done = open_again(connection, change, actor=ACTOR, reason=reason, row_ids=row_ids, now=now)
    return done.accepted + done.rejected if done else 0

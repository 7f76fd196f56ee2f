"""Calls whose outcome nobody learned before their change ended: looked up until it is known. Source: the domain contract, 5.

A line that is found is recorded, and its row is tried again once, by the actor `reconciliation`. A line that stayed absent
for the settle time was never created: a finding says that the device is safe to retry.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, lock_change
from device_association.bulk_changes.reverted_changes import find_reversal
from device_association.database.execution import Record, as_json, changed, in_transaction, records, run
from device_association.domain.codes import NOT_ENDED
from device_association.domain.errors import (
    ClaimLost,
    DatabaseUnavailable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.findings.one_by_one import OneByOne, error_text
from device_association.findings.store import Finding, FindingKind, report
from device_association.requests.change_actions import open_again
from device_association.revio.lines import Line, Verdict
from device_association.service_lines.create import outcome_of
from device_association.service_lines.disconnect import is_ended, look_at, record_ended
from device_association.service_lines.journal.lines import Desk, Outcome, at_work, finding_about, settle_line
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.lookups.snapshot import keep_lines
from device_association.service_lines.plan import Clients
from device_association.settings import Settings

ACTOR = "reconciliation"
MOST_LOOK_UPS = 200
"""Most calls that one sweep looks up: each is a call to Rev.io."""
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
        devices = records(connection, "service_lines/list_left_open", now=clock(), most=MOST_LOOK_UPS)
    counts: Counter[str] = Counter()
    until = clock() + LOOK_UPS_LAST
    refused: dict[str, RevioUnauthorized] = {}
    silent: set[str] = set()
    for device in devices:
        account = device["connection_id"]
        if account in silent or clock() >= until:
            counts[OPEN] += 1
            continue
        desk = _desk(engine, device, clients, settings, clock)
        try:
            became = _settle_alone(desk, device)
        except RevioUnauthorized as problem:
            refused[account] = problem
            silent.add(account)
        except RevioRetryable as problem:
            log.warning("%s", problem)
            silent.add(account)
        else:
            counts[became] += 1
            if became == OPEN:
                desk.transact("service_lines/look_later", intent_id=device["intent_id"])
    counts["tried_again"] = _try_again(engine, clock())
    in_transaction(engine, lambda connection: run(connection, "service_lines/close_settled", now=clock()))
    if refused:
        raise next(iter(refused.values()))
    return dict(counts)


def _settle_alone(desk: Desk, device: Record) -> str:
    """Look one call up; what goes wrong with this one alone is reported, and it stays open.

    An answer that cannot be used is this one's alone: other lists may be read all the same.
    """
    try:
        return _settle(desk, at_work(desk, device))
    except StepUnfinished as busy:
        log.info("%s: %s", device["iccid"], busy)
        return OPEN
    except (RevioUnauthorized, DatabaseUnavailable):
        raise
    except Exception as problem:
        if isinstance(problem, RevioRetryable) and not (problem.status and problem.status < 300):
            raise
        log.exception("%s: its call could not be looked up; the others are looked up", device["iccid"])
        why = f"a call was made for it and cannot be looked up: {error_text(problem)}"
        finding = finding_about(desk, device, FindingKind.LOOK_UP_FAILED, why)
        in_transaction(desk.engine, partial(report, findings=[finding], now=desk.clock()))
        return OPEN


def _desk(engine: Engine, device: Record, clients: Clients, settings: Settings, clock: Callable[[], datetime]) -> Desk:
    claim = Claim(device["bulk_change_id"], device["retry_number"], ACTOR, ACTOR)
    return Desk(engine, claim, clients, settings, clock)


def _settle(desk: Desk, device: Record) -> str:
    """Look one call up, and record what is known of it now."""
    intent = device["intent_id"]
    if device["state"] == "CALLING" and not desk.transact("service_lines/expire_lease", intent_id=intent):
        return OPEN
    if device["ends_service_id"]:
        return _settle_end(desk, device)
    looks = SliceLooks(desk)
    with desk.engine.connect() as connection:
        looks.learn([device], records(connection, "service_lines/list_known_of", intent_id=intent))
    try:
        found, asked = looks.look_up(device)
    except (RevioRetryable, RevioRejected, StepUnfinished):
        desk.transact("service_lines/doubt_again", intent_id=intent)
        raise
    if found.verdict is Verdict.FREE:
        return _end_absent(desk, device, asked - timedelta(seconds=desk.settings.rev_settle_seconds))
    line = found.lines[0]
    if found.verdict is not Verdict.OWN or line.service_id is None:
        return _end_strange(desk, device, found.reason, shown=found.lines)
    try:
        outcome = outcome_of(device, line, looks.keys_before(device))
        settled, _ = settle_line(desk, device, line.service_id, outcome, line)
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
    finding = finding_about(desk, device, FindingKind.OUTCOME_SETTLED_ABSENT, said)
    binds = {"unknown_before": unknown_before, "connection_id": device["connection_id"]}
    return ABSENT if _end(desk, "service_lines/plan_again", device, finding, **binds) else OPEN


def _end_strange(desk: Desk, device: Record, said: str, *, shown: Collection[Line] = ()) -> str:
    """End a call of which something was seen that only a person can judge; what was seen is kept, see `reject_line`."""
    finding = finding_about(desk, device, FindingKind.OUTCOME_AMBIGUOUS, said)
    binds = {"was_called": 0, "owner": desk.owner, "detail": said}
    return AMBIGUOUS if _end(desk, "service_lines/reject_intent", device, finding, shown, **binds) else OPEN


def _end(
    desk: Desk, statement: str, device: Record, finding: Finding, shown: Collection[Line] = (), **binds: object
) -> bool:
    """End an intent and keep the finding about it, in one transaction; return False when somebody else was at it."""
    now = desk.clock()

    def end(connection: Connection) -> bool:
        ended = changed(connection, statement, intent_id=device["intent_id"], now=now, **binds)
        if ended:
            report(connection, [finding], now=now)
            keep_lines(connection, shown, account_id=device["account_id"], listed=now, shown=desk.clock())
        return ended > 0

    return in_transaction(desk.engine, end)


def _try_again(engine: Engine, now: datetime) -> int:
    """Open the rows again whose line is known by now, change by change; return how many. Of a change taken back, tell."""
    with engine.connect() as connection:
        known = records(connection, "service_lines/list_known_late")
        left = records(connection, "service_lines/list_lines_of_reverted", now=now)
    total, opening = 0, OneByOne(engine, "retry of late lines", now)
    for bulk_change_id, found in groupby(known, key=lambda one: one["bulk_change_id"]):
        work = partial(_open, bulk_change_id=bulk_change_id, known=list(found), now=now)
        total += opening.attempt(
            f"bulk change {bulk_change_id}", partial(in_transaction, engine, work), 0, bulk_change_id=bulk_change_id
        )
    opening.attempt("what nobody can try again", partial(_report_left, engine, left, now), None)
    opening.end()
    return total


def _report_left(engine: Engine, left: Sequence[Record], now: datetime) -> None:
    """Report the lines of reverted changes, and those whose row was tried again in vain."""
    with engine.connect() as connection:
        alone = records(connection, "service_lines/list_lines_not_associated", now=now)
    findings = [*map(_left_over, left), *map(_not_associated, alone)]
    in_transaction(engine, lambda connection: report(connection, findings, now=now))


def _not_associated(line: Record) -> Finding:
    return Finding(
        FindingKind.LINE_NOT_ASSOCIATED,
        f"line {line['account_id']}/{line['service_id']}",
        f"line {line['service_id']} of SIM {line['iccid']} came to be known after its row of bulk change "
        f"{line['bulk_change_id']} had ended ({line['code']}); it is billed, and its device is not associated",
        **{name: line[name] for name in ("account_id", "tenant_id", "bulk_change_id", "iccid", "service_id")},
    )


def _left_over(line: Record) -> Finding:
    return Finding(
        FindingKind.LINE_OF_REVERTED_CHANGE,
        f"line {line['account_id']}/{line['service_id']}",
        f"line {line['service_id']} of SIM {line['iccid']} was found after bulk change {line['reverted_by']} had taken its "
        f"change {line['bulk_change_id']} back; it was not disconnected",
        **{name: line[name] for name in ("account_id", "tenant_id", "bulk_change_id", "iccid", "service_id")},
    )


def _open(connection: Connection, bulk_change_id: int, known: Sequence[Record], now: datetime) -> int:
    change = lock_change(connection, bulk_change_id)
    if change is None or change["status"] in NOT_ENDED:
        return 0
    if find_reversal(connection, bulk_change_id).reverted_by:
        return 0
    reason = "the line that was not known when the change ended is known now"
    row_ids = [one["row_id"] for one in known]
    done = open_again(connection, change, actor=ACTOR, reason=reason, row_ids=row_ids, now=now)
    intents = as_json([{"intent_id": one["intent_id"]} for one in known])
    run(connection, "service_lines/mark_tried_again", intents=intents, now=now)
    return done.accepted + done.rejected if done else 0

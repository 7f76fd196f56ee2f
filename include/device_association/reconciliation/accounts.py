"""Compares portal, billing mirror and Rev.io three ways; repairs what only records facts, reports what costs or frees money.

An interval says where to look: at what was created or changed in it, and at whatever is reported already. What is compared
is always the present state, so that it is repaired once, whichever interval meets it first. The interval that ended last
looks at everything: what changed without a date, nobody else would find.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.database import statistics
from device_association.database.execution import changed, in_transaction, rows_per_statement
from device_association.domain.codes import RequestCode
from device_association.domain.errors import DatabaseUnavailable, Refusal, RequestRefused
from device_association.findings.one_by_one import MAX_NAMED, OneByOne, error_text
from device_association.findings.store import Finding, FindingKind, report
from device_association.reconciliation.differences import REPORTS, Difference, Scope
from device_association.reconciliation.repairs import REPAIRS, Page, Repair, Repairable
from device_association.revio.listings import Listing
from device_association.service_lines.lookups.snapshot import RevAccount, listing_of_today

log = logging.getLogger(__name__)
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
SEARCH_LAG = timedelta(hours=1)
"""How long a new line may be missing in what Rev.io lists."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of the past: `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime

    def scope(self, now: datetime) -> Interval:
        """Return where to look: everywhere, where no interval of this length has ended since."""
        return Interval(FIRST, LAST) if self.is_latest(now) else self

    def is_latest(self, now: datetime) -> bool:
        """Whether no interval of this length has ended since."""
        return self.until + (self.until - self.since) > now


def past_interval(since: datetime, until: datetime, *, now: datetime) -> Interval:
    """Return the interval, or raise RequestRefused where it is empty, still goes on or has not begun."""
    if until <= since:
        raise _refused(f"the interval from {since} to {until} is empty; give an end behind its start")
    if until > now:
        state = "has not begun" if since > now else "still goes on"
        raise _refused(f"the interval from {since} to {until} {state}; run it again once it has ended")
    return Interval(since, until)


def reconcile_account(
    engine: Engine,
    account: RevAccount,
    interval: Interval,
    lines: Callable[..., Listing],
    *,
    clock: Callable[[], datetime],
) -> dict[str, dict[str, int]]:
    """Repair and report the account's differences in an interval; return how many of which kind, and how many are gone.

    Each page of repairs is a transaction of its own, and so is each report: killed in between, the next run does the rest.
    A difference that cannot be repaired, or a look that fails, is a finding; the others are repaired and reported.
    `lines` lists the account at Rev.io; it is called where nobody has listed it today.
    """
    listed = listing_of_today(engine, account, lines, clock=clock)
    in_transaction(engine, partial(statistics.analyze, tables=statistics.COMPARED))
    where = interval.scope(clock())
    scope = Scope(account.account_id, listed, listed - SEARCH_LAG, where.since, where.until)
    job = OneByOne(engine, f"reconciliation of account {account.account_id}", clock())
    mine = {"account_id": account.account_id, "tenant_id": account.tenant_id}
    repairs = [
        job.attempt(name, partial(_repair, engine, name, repair, scope, clock, job, mine), None, **mine)
        for name, repair in REPAIRS.items()
    ]
    began = clock()
    reports = [
        job.attempt(
            name, partial(in_transaction, engine, partial(_report, find=find, scope=scope, now=began)), None, **mine
        )
        for name, find in REPORTS.items()
    ]
    closed = 0
    if None not in reports:  # else what was found before may still be there
        closed = in_transaction(engine, partial(_close, account_id=account.account_id, now=began))
        if None not in repairs and interval.is_latest(clock()):
            job.end()
    return {"repaired": _summed(repairs), "open": _summed(reports), "closed": {"findings": closed}}


def _summed(counts: Iterable[Counter[str] | None]) -> dict[str, int]:
    return dict(sum((one for one in counts if one), Counter[str]()))


def _repair(
    engine: Engine,
    name: str,
    repair: Repair,
    scope: Scope,
    clock: Callable[[], datetime],
    job: OneByOne,
    mine: Mapping[str, int],
) -> Counter[str]:
    """Repair page by page; a page that fails is repaired in ever smaller parts, and a single difference passed over.

    The problem is raised after MAX_NAMED new ones in a row: then it is not the differences. One that an earlier run has
    passed over counts as none, so that each run comes further.
    """
    found: Counter[str] = Counter()
    known, in_row = job.not_done(), 0
    most = rows_per_statement(engine)
    page = Page(after=0, limit=most)
    while True:
        try:
            repaired = in_transaction(engine, partial(_repair_page, repair=repair, scope=scope, page=page, clock=clock))
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            if page.limit > 1:
                page = Page(page.after, max(1, page.limit // 10))
                continue
            with engine.connect() as connection:
                (one,) = repair.find(connection, scope, page, clock())
            named = f"{one.kind} {one.subject}"
            in_row += job.subject_of(named) not in known
            if in_row > MAX_NAMED:
                raise
            log.exception("%s: %s could not be repaired; the others are repaired", name, named)
            job.report(named, error_text(problem), **mine)
            page = Page(one.id, page.limit)
            continue
        found.update(one.kind for one in repaired)
        if len(repaired) < page.limit:
            return found
        page, in_row = Page(repaired[-1].id, min(page.limit * 10, most)), 0


def _repair_page(
    connection: Connection, *, repair: Repair, scope: Scope, page: Page, clock: Callable[[], datetime]
) -> Sequence[Repairable]:
    """Repair the differences behind an id, as many as one statement may write, and keep what was done as findings."""
    changed(connection, "reconciliation/lock_account", account_id=scope.account_id)
    now = clock()
    repaired = repair.repair(connection, scope, page, now)
    if repaired:
        report(connection, findings(repaired, scope.account_id, is_repaired=True), now=now)
    return repaired


def _report(
    connection: Connection,
    *,
    find: Callable[[Connection, Scope, datetime], Sequence[Difference]],
    scope: Scope,
    now: datetime,
) -> Counter[str]:
    """Keep what one look finds that only a person may change; return the kinds seen."""
    changed(connection, "reconciliation/lock_account", account_id=scope.account_id)
    found = find(connection, scope, now)
    report(connection, findings(found, scope.account_id), now=now)
    return Counter(one.kind for one in found)


def _close(connection: Connection, *, account_id: int, now: datetime) -> int:
    """Close what none of the reports saw any more; return how many."""
    changed(connection, "reconciliation/lock_account", account_id=account_id)
    return changed(connection, "reconciliation/close_unseen", account_id=account_id, now=now)


def findings(found: Iterable[Difference], account_id: int, *, is_repaired: bool = False) -> list[Finding]:
    """Return differences as findings, each once."""
    named = {(one.kind, one.subject): one for one in found}
    return [
        Finding(
            kind=FindingKind(one.kind),
            subject=one.subject,
            detail=one.detail,
            is_repaired=is_repaired,
            account_id=account_id,
            tenant_id=one.tenant_id,
            iccid=one.iccid and one.iccid[:50],
            service_id=one.service_id,
        )
        for one in named.values()
    ]


def _refused(message: str) -> RequestRefused:
    return RequestRefused([Refusal(RequestCode.INVALID_REQUEST, "data interval", message)])

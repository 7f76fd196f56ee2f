"""Compares portal, billing mirror and Rev.io three ways; repairs what only records facts, reports what costs or frees money.

An interval says where to look: at what was created or changed in it, and at whatever is reported already. What is compared
is always the present state, so that it is repaired once, whichever interval meets it first. The interval that ended last
looks at everything: what changed without a date, nobody else would find.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.database.execution import (
    Record,
    as_json,
    changed,
    in_transaction,
    records,
    rows_per_statement,
    run,
)
from device_association.domain.codes import RequestCode
from device_association.domain.errors import DatabaseUnavailable, Refusal, RequestRefused
from device_association.findings.one_by_one import MOST_NAMED, OneByOne, error_text
from device_association.findings.store import Finding, FindingKind, report
from device_association.revio.lines import Listing
from device_association.service_lines.lookups.snapshot import RevAccount, listing_of_today

log = logging.getLogger(__name__)
ACTOR = "reconciliation"
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
SEARCH_LAG = timedelta(hours=1)
"""How long a new line may be missing in what Rev.io lists."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of the past: `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime

    def scope(self, now: datetime) -> dict[str, object]:
        """Return where to look as the statements bind it: everywhere, where no interval of this length has ended since."""
        return {"since": FIRST, "until": LAST} if self.is_latest(now) else {"since": self.since, "until": self.until}

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
    about = {"account_id": account.account_id, "listed": listed, "settled": listed - SEARCH_LAG}
    about |= interval.scope(clock())
    job = OneByOne(engine, f"reconciliation of account {account.account_id}", clock())
    mine = {"account_id": account.account_id, "tenant_id": account.tenant_id}
    repairs = [
        job.attempt(look, partial(_repair, engine, look, mend, about, clock, job, mine), None, **mine)
        for look, mend in REPAIRS
    ]
    began = clock()
    reports = [
        job.attempt(
            look, partial(in_transaction, engine, partial(_report, look=look, about=about, now=began)), None, **mine
        )
        for look in REPORTS
    ]
    closed = 0
    if None not in reports:  # else what was found before may still be there
        closed = in_transaction(engine, partial(_close, about=about, now=began))
        if None not in repairs and interval.is_latest(clock()):
            job.end()
    return {"repaired": _summed(repairs), "open": _summed(reports), "closed": {"findings": closed}}


def _summed(counts: Iterable[Counter[str] | None]) -> dict[str, int]:
    return dict(sum((one for one in counts if one), Counter[str]()))


def _mirror(connection: Connection, page: Sequence[Record], **about: object) -> None:
    names = ("service_id", "customer_id", "number", "number2", "activated_date", "account_id")
    lines = [{name: one[name] for name in names} for one in page]
    run(connection, "service_lines/insert_rev_services", lines=as_json(lines), is_listed=0, **about)


def _correct(statement: str, *names: str) -> Mend:
    def correct(connection: Connection, page: Sequence[Record], **about: object) -> None:
        run(connection, statement, found=as_json([{name: one[name] for name in names} for one in page]), **about)

    return correct


Mend = Callable[..., None]
"""Repairs a page of differences in the caller's transaction."""
REPAIRS: tuple[tuple[str, Mend], ...] = (
    ("reconciliation/list_unmirrored_intents", _mirror),
    ("reconciliation/list_unmirrored_lines", _mirror),
    ("reconciliation/list_mirror_differences", _correct("reconciliation/correct_mirror", "id", "service_id")),
    ("reconciliation/list_unmirrored_products", _correct("reconciliation/insert_products", "id")),
    ("reconciliation/list_link_differences", _correct("reconciliation/correct_links", "id", "linked", "wanted")),
)
"""What is repaired, in this order: links follow the mirror."""
REPORTS = (
    "reconciliation/find_misplaced_lines",
    "reconciliation/find_double_lines",
    "reconciliation/find_unknown_customers",
    "reconciliation/find_unjudged_lines",
    "reconciliation/find_unlisted_lines",
    "reconciliation/find_lineless_devices",
    "reconciliation/find_missing_products",
)


def _repair(
    engine: Engine,
    look: str,
    mend: Mend,
    about: dict[str, object],
    clock: Callable[[], datetime],
    job: OneByOne,
    mine: dict[str, int],
) -> Counter[str]:
    """Repair page by page; a page that fails is repaired in ever smaller parts, and a single difference passed over.

    The problem is raised after MOST_NAMED new ones in a row: then it is not the differences. One that an earlier run has
    passed over counts as none, so that each run comes further.
    """
    found: Counter[str] = Counter()
    known, in_row = job.not_done(), 0
    after, limit = 0, rows_per_statement(engine)
    while True:
        binds = {"look": look, "mend": mend, "about": about, "clock": clock, "after": after, "limit": limit}
        try:
            page = in_transaction(engine, partial(_repair_page, **binds))  # type: ignore[arg-type]
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            if limit > 1:
                limit = max(1, limit // 10)
                continue
            with engine.connect() as connection:
                (one,) = records(connection, look, after=after, limit=1, now=clock(), **about)
            named = f"{one['kind']} {one['subject']}"
            in_row += job.subject_of(named) not in known
            if in_row > MOST_NAMED:
                raise
            log.exception("%s: %s could not be repaired; the others are repaired", look, named)
            job.report(named, error_text(problem), **mine)
            after = one["id"]
            continue
        found.update(one["kind"] for one in page)
        if len(page) < limit:
            return found
        after, limit, in_row = page[-1]["id"], min(limit * 10, rows_per_statement(engine)), 0


def _repair_page(
    connection: Connection,
    *,
    look: str,
    mend: Mend,
    about: dict[str, object],
    clock: Callable[[], datetime],
    after: int,
    limit: int,
) -> Sequence[Record]:
    """Repair the differences behind an id, as many as one statement may write, and keep what was done as findings."""
    changed(connection, "reconciliation/lock_account", account_id=about["account_id"])
    now = clock()
    page = records(connection, look, after=after, limit=limit, now=now, **about)
    if page:
        mend(connection, page, account_id=about["account_id"], actor=ACTOR, now=now)
        report(connection, findings(page, about["account_id"], is_repaired=True), now=now)
    return page


def _report(connection: Connection, *, look: str, about: dict[str, object], now: datetime) -> Counter[str]:
    """Keep what one look finds that only a person may change; return the kinds seen."""
    changed(connection, "reconciliation/lock_account", account_id=about["account_id"])
    found = records(connection, look, now=now, **about)
    report(connection, findings(found, about["account_id"]), now=now)
    return Counter(one["kind"] for one in found)


def _close(connection: Connection, *, about: dict[str, object], now: datetime) -> int:
    """Close what none of the reports saw any more; return how many."""
    changed(connection, "reconciliation/lock_account", account_id=about["account_id"])
    return changed(connection, "reconciliation/close_unseen", account_id=about["account_id"], now=now)


def findings(found: Iterable[Record], account_id: object, *, is_repaired: bool = False) -> list[Finding]:
    """Return what statements found as findings, each once."""
    named = {(one["kind"], one["subject"]): one for one in found}
    return [
        Finding(
            kind=FindingKind(one["kind"]),
            subject=one["subject"],
            detail=one["detail"],
            is_repaired=is_repaired,
            account_id=account_id if isinstance(account_id, int) else None,
            tenant_id=one["tenant_id"],
            iccid=one["iccid"] and one["iccid"][:50],
            service_id=one["service_id"],
        )
        for one in named.values()
    ]


def _refused(message: str) -> RequestRefused:
    return RequestRefused([Refusal(RequestCode.INVALID_REQUEST, "data interval", message)])

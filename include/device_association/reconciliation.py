"""Compares portal, billing mirror and Rev.io three ways; repairs what only records facts, reports what costs or frees money.

An interval says where to look: at what was created or changed in it, and at whatever is reported already. What is compared
is always the present state, so that it is repaired once, whichever interval meets it first. The interval that ended last
looks at everything: what changed without a date, nobody else would find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.codes import RequestCode
from device_association.database import ROWS_PER_STATEMENT, Record, as_json, changed, in_transaction, rows, run
from device_association.errors import Refusal, RequestRefused
from device_association.findings import Finding, FindingKind, report
from device_association.revio import Line
from device_association.vendor_lines import RevAccount, listing_of_today

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
        is_latest = self.until + (self.until - self.since) > now
        return {"since": FIRST, "until": LAST} if is_latest else {"since": self.since, "until": self.until}


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
    lines: Callable[[], Iterable[Line]],
    *,
    clock: Callable[[], datetime],
) -> dict[str, dict[str, int]]:
    """Repair and report the account's differences in an interval; return how many of which kind, and how many are gone.

    Each page of repairs is a transaction of its own, and so is the report: killed in between, the next run does the rest.
    `lines` lists the account at Rev.io; it is called where nobody has listed it today.
    """
    listed = listing_of_today(engine, account, lines, clock=clock)
    about = {"account_id": account.account_id, "listed": listed, "settled": listed - SEARCH_LAG}
    about |= interval.scope(clock())
    repaired: Counter[str] = Counter()
    for look, mend in REPAIRS:
        repaired += _repair(engine, look, mend, about, clock)
    seen, closed = in_transaction(engine, partial(_report, about=about, clock=clock))
    return {"repaired": dict(repaired), "open": dict(seen), "closed": {"findings": closed}}


def _mirror(connection: Connection, page: Sequence[Record], **about: object) -> None:
    names = ("service_id", "customer_id", "number", "number2", "activated_date", "account_id")
    lines = [{name: one[name] for name in names} for one in page]
    run(connection, "lines/insert_rev_services", lines=as_json(lines), **about)


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
    "reconciliation/find_unlisted_lines",
    "reconciliation/find_lineless_devices",
    "reconciliation/find_missing_products",
)


def _repair(
    engine: Engine, look: str, mend: Mend, about: dict[str, object], clock: Callable[[], datetime]
) -> Counter[str]:
    found: Counter[str] = Counter()
    after = 0
    while True:
        page = in_transaction(
            engine, partial(_repair_page, look=look, mend=mend, about=about, clock=clock, after=after)
        )
        found.update(one["kind"] for one in page)
        if len(page) < ROWS_PER_STATEMENT:
            return found
        after = page[-1]["id"]


def _repair_page(
    connection: Connection,
    *,
    look: str,
    mend: Mend,
    about: dict[str, object],
    clock: Callable[[], datetime],
    after: int,
) -> Sequence[Record]:
    """Repair the differences behind an id, as many as one statement may write, and keep what was done as findings."""
    changed(connection, "vendor_lines/lock_account", account_id=about["account_id"])
    now = clock()
    page = rows(connection, look, after=after, limit=ROWS_PER_STATEMENT, now=now, **about)
    if page:
        mend(connection, page, account_id=about["account_id"], actor=ACTOR, now=now)
        report(connection, findings(page, about["account_id"], is_repaired=True), now=now)
    return page


def _report(
    connection: Connection, *, about: dict[str, object], clock: Callable[[], datetime]
) -> tuple[Counter[str], int]:
    """Keep what only a person may change, and close what is not there any more; return the kinds seen and how many closed."""
    changed(connection, "vendor_lines/lock_account", account_id=about["account_id"])
    now = clock()
    found = [one for look in REPORTS for one in rows(connection, look, now=now, **about)]
    report(connection, findings(found, about["account_id"]), now=now)
    closed = changed(connection, "reconciliation/close_unseen", account_id=about["account_id"], now=now)
    return Counter(one["kind"] for one in found), closed


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

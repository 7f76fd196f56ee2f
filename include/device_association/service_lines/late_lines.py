"""Lines that came to be known after their change had ended: their rows are tried again once, the others are reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.locks import lock_change
from device_association.bulk_changes.reverts import find_revert
from device_association.database.execution import in_transaction, rows, run
from device_association.domain.codes import NOT_ENDED
from device_association.domain.encoding import as_json
from device_association.findings.one_by_one import OneByOne
from device_association.findings.store import Finding, FindingKind, report
from device_association.requests.actions import open_again


@dataclass(frozen=True, slots=True)
class LateRow:
    """A row that ended without knowing its line, which is known now, as `service_lines/list_known_late` returns it."""

    bulk_change_id: int
    row_id: int
    intent_id: int


@dataclass(frozen=True, slots=True)
class LineOfReverted:
    """A line that came to be known after its change was reverted, as `service_lines/list_lines_of_reverted` returns it."""

    iccid: str
    service_id: int
    account_id: int
    tenant_id: int
    bulk_change_id: int
    reverted_by: int

    def as_finding(self) -> Finding:
        """Return the finding that tells of the line."""
        return Finding(
            FindingKind.LINE_OF_REVERTED_CHANGE,
            f"line {self.account_id}/{self.service_id}",
            f"line {self.service_id} of SIM {self.iccid} was found after bulk change {self.reverted_by} had taken its "
            f"change {self.bulk_change_id} back; it was not disconnected",
            account_id=self.account_id,
            tenant_id=self.tenant_id,
            bulk_change_id=self.bulk_change_id,
            iccid=self.iccid,
            service_id=self.service_id,
        )


@dataclass(frozen=True, slots=True)
class LineNotAssociated:
    """A billed line whose device is not associated, as `service_lines/list_lines_not_associated` returns it."""

    iccid: str
    code: str | None
    service_id: int
    account_id: int
    tenant_id: int
    bulk_change_id: int

    def as_finding(self) -> Finding:
        """Return the finding that tells of the line."""
        return Finding(
            FindingKind.LINE_NOT_ASSOCIATED,
            f"line {self.account_id}/{self.service_id}",
            f"line {self.service_id} of SIM {self.iccid} came to be known after its row of bulk change "
            f"{self.bulk_change_id} had ended ({self.code}); it is billed, and its device is not associated",
            account_id=self.account_id,
            tenant_id=self.tenant_id,
            bulk_change_id=self.bulk_change_id,
            iccid=self.iccid,
            service_id=self.service_id,
        )


def retry_late_lines(engine: Engine, now: datetime, actor: str) -> int:
    """Open the rows again whose line is known now, change by change; return how many. Report those of reverted changes."""
    with engine.connect() as connection:
        known = rows(connection, LateRow, "service_lines/list_known_late")
        left = rows(connection, LineOfReverted, "service_lines/list_lines_of_reverted", now=now)
    total, opening = 0, OneByOne(engine, "retry of late lines", now)
    for bulk_change_id, found in groupby(known, key=lambda one: one.bulk_change_id):
        work = partial(_open, bulk_change_id=bulk_change_id, known=list(found), actor=actor, now=now)
        total += opening.attempt(
            f"bulk change {bulk_change_id}", partial(in_transaction, engine, work), 0, bulk_change_id=bulk_change_id
        )
    opening.attempt("what nobody can try again", partial(_report_left, engine, left, now), None)
    opening.end()
    return total


def _report_left(engine: Engine, left: Sequence[LineOfReverted], now: datetime) -> None:
    """Report the lines of reverted changes, and those whose row was tried again in vain."""
    with engine.connect() as connection:
        alone = rows(connection, LineNotAssociated, "service_lines/list_lines_not_associated", now=now)
    findings = [*(line.as_finding() for line in left), *(line.as_finding() for line in alone)]
    in_transaction(engine, lambda connection: report(connection, findings, now=now))


def _open(connection: Connection, *, bulk_change_id: int, known: Sequence[LateRow], actor: str, now: datetime) -> int:
    change = lock_change(connection, bulk_change_id)
    if change is None or change.status in NOT_ENDED:
        return 0
    if find_revert(connection, bulk_change_id).reverted_by:
        return 0
    reason = "the line that was not known when the change ended is known now"
    row_ids = [one.row_id for one in known]
    done = open_again(
        connection, bulk_change_id, change.retry_number, actor=actor, reason=reason, row_ids=row_ids, now=now
    )
    intents = as_json([{"intent_id": one.intent_id} for one in known])
    run(connection, "service_lines/mark_tried_again", intents=intents, now=now)
    return done.accepted + done.rejected if done else 0

"""What sweep and reconciliation found: repaired by them where that is safe, else told to a person with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from device_association.database import ROWS_PER_STATEMENT, as_json, run


class FindingKind(StrEnum):
    """What was found; `FINDING_ADVICE` says what a person does about it."""

    OUTCOME_SETTLED_ABSENT = "OUTCOME_SETTLED_ABSENT"
    OUTCOME_AMBIGUOUS = "OUTCOME_AMBIGUOUS"
    CHANGE_OF_ANOTHER_PROGRAM = "CHANGE_OF_ANOTHER_PROGRAM"


FINDING_ADVICE: dict[str, str] = {
    FindingKind.OUTCOME_SETTLED_ABSENT: "Rev.io has no line for this SIM: it is safe to retry the device.",
    FindingKind.OUTCOME_AMBIGUOUS: "Several active lines are this SIM's: have all but one disconnected, then retry.",
    FindingKind.CHANGE_OF_ANOTHER_PROGRAM: "Another program began this change and has not ended it: have it looked at there.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; `subject` names it within its kind, so that it is kept once."""

    kind: FindingKind
    subject: str
    detail: str
    is_repaired: bool = False
    account_id: int | None = None
    tenant_id: int | None = None
    bulk_change_id: int | None = None
    iccid: str | None = None
    service_id: int | None = None

    @property
    def row(self) -> dict[str, object]:
        """The finding as the statement reads it."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "detail": self.detail[:1000],
            "is_repaired": int(self.is_repaired),
            "account_id": self.account_id,
            "tenant_id": self.tenant_id,
            "bulk_change_id": self.bulk_change_id,
            "iccid": self.iccid,
            "service_id": self.service_id,
        }


def report(connection: Connection, findings: Sequence[Finding], *, now: datetime) -> None:
    """Keep what was found, in the caller's transaction; what is known already is only seen again."""
    for start in range(0, len(findings), ROWS_PER_STATEMENT):
        part = [one.row for one in findings[start : start + ROWS_PER_STATEMENT]]
        run(connection, "findings/report_findings", findings=as_json(part), now=now)

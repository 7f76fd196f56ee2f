"""What a caller sees of the findings: a page of them, or all as a file. Who is limited to some customers sees none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import rows
from device_association.domain.codes import RequestCode
from device_association.domain.encoding import BIGGEST_ID
from device_association.domain.errors import Refusal, RequestRefused
from device_association.findings.store import FINDING_ADVICE, FindingKind
from device_association.portal.csv_export import ROWS_AT_ONCE, csv_lines
from device_association.portal.field_names import columns_of

HEADER = (
    *("Kind", "Subject", "Detail", "ToDo", "ICCID", "Line", "BulkChange", "Account", "Tenant"),
    *("Repaired", "FoundDate", "SeenDate", "ClosedDate"),
)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding; `is_repaired` is 0 or 1, as the API and the file show it, `line` is Rev.io's id, times are UTC."""

    finding_id: int
    kind: str
    subject: str
    detail: str
    is_repaired: int
    iccid: str | None
    line: int | None
    bulk_change_id: int | None
    account: str | None
    tenant_name: str
    found_date: datetime
    seen_date: datetime
    closed_date: datetime | None


@dataclass(frozen=True, slots=True)
class ListedFinding(FindingRow):
    """A finding, with what a person does about it."""

    to_do: str


def list_findings(
    engine: Engine,
    caller: PortalUser,
    *,
    kind: FindingKind | None = None,
    open_only: bool = True,
    before: int | None = None,
    limit: int,
) -> list[ListedFinding]:
    """Return a page of the findings that the caller may see, newest first, each with what to do; RequestRefused: none."""
    check_sees_findings(caller)
    with engine.connect() as connection:
        found = rows(
            connection,
            FindingRow,
            "portal/list_visible_findings",
            user_id=caller.user_id,
            kind=kind,
            open_only=int(open_only),
            before=before or BIGGEST_ID,
            limit=limit,
        )
    return [ListedFinding(**columns_of(one), to_do=FINDING_ADVICE.get(one.kind, "Look it up.")) for one in found]


def check_sees_findings(caller: PortalUser) -> None:
    """Raise RequestRefused for a caller who may see some customers only."""
    if caller.has_customer_list:
        said = f"{caller.user_name} may see some customers only, findings name all; ask somebody without such a limit"
        raise RequestRefused([Refusal(RequestCode.PERMISSION_DENIED, "user", said)])


def finding_lines(engine: Engine, caller: PortalUser, *, kind: FindingKind | None, open_only: bool) -> Iterator[str]:
    """Yield the findings as a file in parts; no connection is held between them."""
    yield csv_lines([HEADER])
    before = None
    while True:
        page = list_findings(engine, caller, kind=kind, open_only=open_only, before=before, limit=ROWS_AT_ONCE)
        if page:
            yield csv_lines(map(_cells, page))
        if len(page) < ROWS_AT_ONCE:
            return
        before = page[-1].finding_id


def _cells(one: ListedFinding) -> tuple[object, ...]:
    return (
        *(one.kind, one.subject, one.detail, one.to_do, one.iccid, one.line, one.bulk_change_id),
        *(one.account, one.tenant_name, one.is_repaired, one.found_date, one.seen_date, one.closed_date),
    )

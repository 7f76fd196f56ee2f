"""What a caller sees of the findings: a page of them, or all as a file. Who is limited to some customers sees none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser
from device_association.database.execution import BIGGEST_ID, records
from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused
from device_association.findings.store import FINDING_ADVICE, FindingKind
from device_association.portal.csv_export import ROWS_AT_ONCE, csv_lines

HEADER = (
    *("Kind", "Subject", "Detail", "ToDo", "ICCID", "Line", "BulkChange", "Account", "Tenant"),
    *("Repaired", "FoundDate", "SeenDate", "ClosedDate"),
)


def list_findings(
    engine: Engine,
    caller: PortalUser,
    *,
    kind: FindingKind | None = None,
    open_only: bool = True,
    before: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return a page of the findings that the caller may see, newest first, each with what to do; RequestRefused: none."""
    check_sees_findings(caller)
    with engine.connect() as connection:
        found = records(
            connection,
            "portal/list_visible_findings",
            user_id=caller.user_id,
            kind=kind,
            open_only=int(open_only),
            before=before or BIGGEST_ID,
            limit=limit,
        )
    return [{**one, "to_do": FINDING_ADVICE.get(one["kind"], "Look it up.")} for one in found]


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
        before = page[-1]["finding_id"]


def _cells(one: dict[str, Any]) -> tuple[object, ...]:
    names = ("kind", "subject", "detail", "to_do", "iccid", "line", "bulk_change_id", "account", "tenant_name")
    return (
        *(one[name] for name in names),
        *(one[name] for name in ("is_repaired", "found_date", "seen_date", "closed_date")),
    )

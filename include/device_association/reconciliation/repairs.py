"""What portal, billing mirror and Rev.io may disagree about in one account, and is repaired: it only records facts.

Each kind of difference is found by one statement and repaired by another, a page at a time, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from device_association.database.execution import rows, run
from device_association.domain.encoding import as_json
from device_association.reconciliation.differences import Difference, Scope

ACTOR = "reconciliation"


@dataclass(frozen=True, slots=True)
class Repairable(Difference):
    """A difference that is repaired; `id` is that of the row to repair, or of the line that the mirror lacks."""

    id: int


@dataclass(frozen=True, slots=True)
class UnmirroredLine(Repairable):
    """A line of Rev.io that the mirror lacks, with what the mirror is to say of it; `customer_id` is the portal's."""

    account_id: int
    customer_id: UUID
    number: str | None
    number2: str | None
    activated_date: datetime | None


@dataclass(frozen=True, slots=True)
class WrongLink(Repairable):
    """A device's link to a line of the mirror, and the line that it is to link to; both by the mirror's ids."""

    linked: int | None
    wanted: int | None


Found = TypeVar("Found", bound=Repairable)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the differences is looked at: so many at most, from behind an id."""

    after: int
    limit: int


def _unmirrored_intents(connection: Connection, scope: Scope, page: Page, _now: datetime) -> list[UnmirroredLine]:
    """Return a page of the lines that we created or adopted and the mirror lacks."""
    return rows(
        connection,
        UnmirroredLine,
        "reconciliation/list_unmirrored_intents",
        account_id=scope.account_id,
        settled=scope.settled,
        since=scope.since,
        until=scope.until,
        after=page.after,
        limit=page.limit,
    )


def _unmirrored_lines(connection: Connection, scope: Scope, page: Page, _now: datetime) -> list[UnmirroredLine]:
    """Return a page of the active lines that Rev.io lists for a customer of ours and the mirror lacks."""
    return rows(
        connection,
        UnmirroredLine,
        "reconciliation/list_unmirrored_lines",
        account_id=scope.account_id,
        since=scope.since,
        until=scope.until,
        after=page.after,
        limit=page.limit,
    )


def _mirror_differences(connection: Connection, scope: Scope, page: Page, _now: datetime) -> list[Repairable]:
    """Return a page of the mirror's rows that say something else of a line than Rev.io does."""
    return rows(
        connection,
        Repairable,
        "reconciliation/list_mirror_differences",
        account_id=scope.account_id,
        since=scope.since,
        until=scope.until,
        after=page.after,
        limit=page.limit,
    )


def _unmirrored_products(connection: Connection, scope: Scope, page: Page, _now: datetime) -> list[Repairable]:
    """Return a page of the lines of ours with products that the mirror lacks."""
    return rows(
        connection,
        Repairable,
        "reconciliation/list_unmirrored_products",
        account_id=scope.account_id,
        since=scope.since,
        until=scope.until,
        after=page.after,
        limit=page.limit,
    )


def _link_differences(connection: Connection, scope: Scope, page: Page, now: datetime) -> list[WrongLink]:
    """Return a page of the devices whose link is not to their customer's newest active line."""
    return rows(
        connection,
        WrongLink,
        "reconciliation/list_link_differences",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
        after=page.after,
        limit=page.limit,
        now=now,
    )


def _mirror(connection: Connection, found: Sequence[UnmirroredLine], _scope: Scope, now: datetime) -> None:
    lines = [
        {
            "service_id": one.service_id,
            "customer_id": one.customer_id,
            "number": one.number,
            "number2": one.number2,
            "activated_date": one.activated_date,
            "account_id": one.account_id,
        }
        for one in found
    ]
    run(connection, "service_lines/insert_rev_services", lines=as_json(lines), is_listed=0, actor=ACTOR, now=now)


def _correct_mirror(connection: Connection, found: Sequence[Repairable], scope: Scope, now: datetime) -> None:
    wrong = as_json([{"id": one.id, "service_id": one.service_id} for one in found])
    run(connection, "reconciliation/correct_mirror", found=wrong, account_id=scope.account_id, actor=ACTOR, now=now)


def _insert_products(connection: Connection, found: Sequence[Repairable], scope: Scope, now: datetime) -> None:
    lacking = as_json([{"id": one.id} for one in found])
    run(connection, "reconciliation/insert_products", found=lacking, account_id=scope.account_id, actor=ACTOR, now=now)


def _correct_links(connection: Connection, found: Sequence[WrongLink], _scope: Scope, now: datetime) -> None:
    wrong = as_json([{"id": one.id, "linked": one.linked, "wanted": one.wanted} for one in found])
    run(connection, "reconciliation/correct_links", found=wrong, actor=ACTOR, now=now)


def _repair(
    find: Callable[[Connection, Scope, Page, datetime], list[Found]],
    repair: Callable[[Connection, Sequence[Found], Scope, datetime], None],
) -> Repair:
    """Return what finds a page of differences and repairs them."""

    def repaired(connection: Connection, scope: Scope, page: Page, now: datetime) -> Sequence[Repairable]:
        found = find(connection, scope, page, now)
        if found:
            repair(connection, found, scope, now)
        return found

    return Repair(find, repaired)


@dataclass(frozen=True, slots=True)
class Repair:
    """How one kind of difference is found, and repaired page by page in the caller's transaction."""

    find: Callable[[Connection, Scope, Page, datetime], Sequence[Repairable]]
    repair: Callable[[Connection, Scope, Page, datetime], Sequence[Repairable]]
    """Repairs a page of differences, and returns them."""


REPAIRS: Mapping[str, Repair] = {
    "reconciliation/list_unmirrored_intents": _repair(_unmirrored_intents, _mirror),
    "reconciliation/list_unmirrored_lines": _repair(_unmirrored_lines, _mirror),
    "reconciliation/list_mirror_differences": _repair(_mirror_differences, _correct_mirror),
    "reconciliation/list_unmirrored_products": _repair(_unmirrored_products, _insert_products),
    "reconciliation/list_link_differences": _repair(_link_differences, _correct_links),
}
"""What is repaired, in this order: links follow the mirror. The names stand in the findings about a look that failed."""

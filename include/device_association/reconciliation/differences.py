"""What portal, billing mirror and Rev.io may disagree about in one account, and only a person may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.database.execution import rows


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an account's differences are looked for: in what was created or changed from `since` to before `until`.

    `listed` is when Rev.io was last asked for all lines of the account; a line created after `settled` may be missing in
    its answer. Times are UTC.
    """

    account_id: int
    listed: datetime
    settled: datetime
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, with the words for a person; `service_id` is Rev.io's id of the line."""

    kind: str
    subject: str
    detail: str
    tenant_id: int
    iccid: str | None
    service_id: int | None


def _misplaced_lines(connection: Connection, scope: Scope, now: datetime) -> list[Difference]:
    """Return the active lines for no device, for an archived one, or for one of no customer or of another."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_misplaced_lines",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
        now=now,
    )


def _double_lines(connection: Connection, scope: Scope, now: datetime) -> list[Difference]:
    """Return the devices with several active lines."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_double_lines",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
        now=now,
    )


def _unknown_customers(connection: Connection, scope: Scope, _now: datetime) -> list[Difference]:
    """Return the active lines that are billed to a customer whom the portal does not know."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_unknown_customers",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
    )


def _unjudged_lines(connection: Connection, scope: Scope, _now: datetime) -> list[Difference]:
    """Return the active records that may be one of our SIMs and cannot be read."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_unjudged_lines",
        account_id=scope.account_id,
        listed=scope.listed,
    )


def _unlisted_lines(connection: Connection, scope: Scope, now: datetime) -> list[Difference]:
    """Return the active lines of the mirror that Rev.io does not list."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_unlisted_lines",
        account_id=scope.account_id,
        listed=scope.listed,
        settled=scope.settled,
        since=scope.since,
        until=scope.until,
        now=now,
    )


def _lineless_devices(connection: Connection, scope: Scope, now: datetime) -> list[Difference]:
    """Return the devices that were given a line and have none now."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_lineless_devices",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
        now=now,
    )


def _missing_products(connection: Connection, scope: Scope, now: datetime) -> list[Difference]:
    """Return the active lines that lack products which were asked for."""
    return rows(
        connection,
        Difference,
        "reconciliation/find_missing_products",
        account_id=scope.account_id,
        listed=scope.listed,
        since=scope.since,
        until=scope.until,
        now=now,
    )


REPORTS: Mapping[str, Callable[[Connection, Scope, datetime], Sequence[Difference]]] = {
    "reconciliation/find_misplaced_lines": _misplaced_lines,
    "reconciliation/find_double_lines": _double_lines,
    "reconciliation/find_unknown_customers": _unknown_customers,
    "reconciliation/find_unjudged_lines": _unjudged_lines,
    "reconciliation/find_unlisted_lines": _unlisted_lines,
    "reconciliation/find_lineless_devices": _lineless_devices,
    "reconciliation/find_missing_products": _missing_products,
}
"""What is only reported: what a person does about it costs or frees money."""

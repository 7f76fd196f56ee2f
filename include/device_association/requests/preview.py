"""What would become of a request: the very statements that store it, in a transaction that is rolled back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import NoReturn

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import find_caller
from device_association.database.execution import in_transaction, rows, values
from device_association.domain.association_request import parse_request
from device_association.domain.codes import DeviceChangeStatus
from device_association.rate_limiting.policy import Limits
from device_association.requests.create import store_request
from device_association.requests.request_rules import Customer

ACCEPTED = "ACCEPTED"
"""The verdict on a device that may go on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would become of one device: ACCEPTED, or the code that refuses it with its reason."""

    iccid: str
    code: str
    message: str | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A row of a change as a person sees it."""

    row_id: int
    iccid: str
    status: str
    error_code: str | None
    details: str | None

    @property
    def code(self) -> str:
        """Why the device is not associated, or its state where nothing refuses it."""
        return self.error_code or self.status


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would do: devices by verdict, lines asked of Rev.io, and how long that takes at the account's rate."""

    devices: tuple[Verdict, ...]
    lines: int
    calls_per_minute: int
    needs_approval: str | None
    """Why it would wait until a second person has approved it."""

    @property
    def codes(self) -> dict[str, int]:
        """How many devices have which verdict."""
        return dict(Counter(one.code for one in self.devices))

    @property
    def accepted(self) -> int:
        """How many devices may go on."""
        return self.codes.get(ACCEPTED, 0)

    @property
    def seconds(self) -> int:
        """How long the lines take when the account has nothing else to do."""
        return ceil(self.lines * 60 / self.calls_per_minute)


class _Seen(Exception):
    """Ends the transaction without a trace, with what was seen in it."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview


def preview_bulk_change(
    engine: Engine, sent: Mapping[str, object], *, user_name: str, now: datetime, max_devices: int
) -> Preview:
    """Return what a request would do; nothing is stored, Rev.io is not asked. Raises RequestRefused as storing it would."""
    request = parse_request(sent, max_devices=max_devices)

    def look(connection: Connection) -> Preview:
        caller = find_caller(connection, user_name)
        stored = store_request(connection, request, caller, run_id=None, now=now)
        devices = verdicts(connection, stored.change_id)
        accepted = sum(one.code == ACCEPTED for one in devices)
        lines = accepted if stored.terms.create_rev_service else 0
        rate = calls_per_minute(connection, stored.customer)
        return Preview(devices, lines, rate, stored.created.needs_approval)

    return without_trace(engine, look)


def without_trace(engine: Engine, look: Callable[[Connection], Preview]) -> Preview:
    """Return what `look` saw in a transaction that is rolled back."""

    def end(connection: Connection) -> NoReturn:
        raise _Seen(look(connection))

    try:
        in_transaction(engine, end)
    except _Seen as seen:
        return seen.preview


def verdicts(connection: Connection, bulk_change_id: int) -> tuple[Verdict, ...]:
    """Return what would become of each device of a change that was just stored."""
    return tuple(
        Verdict(one.iccid, ACCEPTED if one.status == DeviceChangeStatus.NEW else one.code, one.details)
        for one in list_rows(connection, bulk_change_id)
    )


def list_rows(connection: Connection, bulk_change_id: int) -> list[DeviceRow]:
    """Return the rows of a change in the order of the request."""
    return rows(connection, DeviceRow, "requests/list_rows", bulk_change_id=bulk_change_id)


def calls_per_minute(connection: Connection, customer: Customer) -> int:
    """Return how many calls a minute the customer's account may make: as it was last told, else the vendor's limit."""
    found = values(connection, "requests/find_account_rate", account_id=customer.account_id)
    return (found and found[0]) or Limits().calls_per_minute

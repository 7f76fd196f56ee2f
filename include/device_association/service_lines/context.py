"""What a slice is worked on with: the database, the claim, the accounts' clients, the limits and the clock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from threading import Lock
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim, holding
from device_association.bulk_changes.deadlines import is_past_deadline
from device_association.database.execution import exists, in_transaction, only_row, rows
from device_association.domain.encoding import utc_milliseconds
from device_association.domain.errors import AssociationError
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import SMALL
from device_association.revio.client import RevioClient
from device_association.service_lines.devices import DeviceRow, SliceDevice
from device_association.settings import Settings

Result = TypeVar("Result")
Clients = Callable[[str], RevioClient]
"""Gives the client of the Rev.io account behind a connection id."""


class Outcome(StrEnum):
    """What became of one device in this try."""

    CREATED = "created"
    ADOPTED = "adopted"
    ENDED = "ended"
    KEPT = "kept"
    REJECTED = "rejected"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    STALE = "stale"
    """Not called: the last look at the SIM was too old, or a line was found meanwhile; it is looked at again."""


class NextAction(Enum):
    """What is to be done for a device that has no outcome in this try yet."""

    CALL = auto()


class LineChanged(AssociationError):
    """The last look before a call showed something else than the look before it: no call was made."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """The change and the database right before a call, as `service_lines/look_before_call` returns them."""

    now: datetime
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of a change's rows that one task works on, as `service_lines/list_slices` returns it."""

    slice_number: int
    first_row_id: int
    last_row_id: int
    devices: int


@dataclass(slots=True)
class LastLooks:
    """Answers of one question that many threads ask: each gets one whose asking began after it came."""

    _asking: Lock = field(default_factory=Lock)
    _begun: int = 0
    _answer: Future[tuple[bool, datetime]] | None = None

    def ask(self, question: Callable[[], tuple[bool, datetime]]) -> tuple[bool, datetime]:
        """Return what `question` returns, or raise what it raises, asked from now on by this thread or by another one."""
        begun_before = self._begun
        with self._asking:
            if self._begun == begun_before or self._answer is None:
                self._begun, self._answer = self._begun + 1, None
                answer: Future[tuple[bool, datetime]] = Future()
                try:
                    answer.set_result(question())
                except Exception as problem:
                    answer.set_exception(problem)
                self._answer = answer
            return self._answer.result()


@dataclass(frozen=True, slots=True)
class SliceContext:
    """What one slice is worked on with: the database, the claim, the accounts' clients, the limits and the clock."""

    engine: Engine
    claim: Claim
    clients: Clients
    settings: Settings
    clock: Callable[[], datetime]
    budgets: Callable[[str], RateLimiter | None] = lambda _: None
    """Gives the call budget of the account behind a connection id; None: no limit is kept."""
    is_small: bool = False
    """Whether the change is small enough to take at once what the account's minute has left."""
    now_of: Callable[[datetime], datetime] | None = None
    """Returns the time by which leases are judged, given the database's; None: `clock` is asked."""
    last_looks: LastLooks = field(default_factory=LastLooks)
    owner: str = field(default_factory=lambda: uuid4().hex)
    """The owner of the leases: this try alone, so that a try that was given up never speaks for the next one."""

    def is_late(self) -> bool:
        """Whether the change's deadline has passed: what is open now is not tried again."""
        with self.engine.connect() as connection:
            return is_past_deadline(connection, self.claim, self.clock())

    def read_devices(self, slice_number: int) -> list[SliceDevice]:
        """Return the devices of a slice whose line and products are not all settled, as they are worked on."""
        with self.engine.connect() as connection:
            found = list_slice_devices(connection, self.claim, slice_number)
        return [self.at_work(device) for device in found]

    def at_work(self, device: DeviceRow) -> SliceDevice:
        """Return a device as it is worked on from now."""
        zone = self.clients(device.connection_id).account.zone
        return SliceDevice.of(device, now=self.clock(), account_zone=zone)

    def look_before_call(self, device: SliceDevice) -> tuple[bool, datetime]:
        """Return whether the change was stopped, which ends no device whose products were begun, and the database's time.

        The last statement before a call, whatever became of this machine's clock meanwhile. Calls that are sent at the same
        time share it.
        """
        is_stopped, now = self.last_looks.ask(self._look)
        return is_stopped and not self.has_begun_product(device), now

    def _look(self) -> tuple[bool, datetime]:
        found = in_transaction(
            self.engine,
            lambda connection: only_row(connection, LastLook, "service_lines/look_before_call", **self.claim.key),
        )
        now = self.clock() if self.now_of is None else self.now_of(utc_milliseconds(found.now))
        return found.is_stopped, now

    def has_begun_product(self, device: SliceDevice) -> bool:
        """Whether a product of the device was begun or disconnected: it is brought to its end even in a stopped change."""
        with self.engine.connect() as connection:
            return exists(connection, "service_lines/find_begun_product", intent_id=device.intent_id)

    def transact_holding(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction that holds the claim and return its result; raise ClaimLost where the claim is gone."""
        return holding(self.engine, self.claim, self.clock(), work)

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a transaction of its own and return its result."""
        return in_transaction(self.engine, work)


def open_context(
    engine: Engine,
    claim: Claim,
    clients: Clients,
    settings: Settings,
    clock: Callable[[], datetime],
    budgets: Callable[[str], RateLimiter | None],
) -> SliceContext:
    """Return the context of a slice of the claim's change."""
    with engine.connect() as connection:
        slices = list_slices(connection, claim)
    is_small = sum(one.devices for one in slices) <= SMALL
    return SliceContext(engine, claim, clients, settings, clock, budgets, is_small, now_of=lambda now: now)


def list_slices(connection: Connection, claim: Claim) -> list[Slice]:
    """Return the slices of the claim's retry, in the order of their numbers."""
    return rows(connection, Slice, "service_lines/list_slices", **claim.key)


def list_slice_devices(connection: Connection, claim: Claim, slice_number: int) -> list[DeviceRow]:
    """Return the devices of a slice whose row is open and whose line and products are not all settled."""
    return rows(connection, DeviceRow, "service_lines/list_slice_devices", slice_number=slice_number, **claim.key)

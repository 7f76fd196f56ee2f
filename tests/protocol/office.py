"""Lets things happen: runs, workers and persons at the real database, with the real functions and the modelled vendor.

All is one thread of control. Between two transactions of a worker, and before, in and after its calls, what its script says
happens; so any number of workers are interleaved without two of them ever running at once, and an example can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim
from device_association.database.batches import lock_devices
from device_association.database.execution import in_transaction, rows
from device_association.domain.errors import ClaimLost, RevioRetryable, StepUnfinished
from device_association.rate_limiting.policy import Pace
from device_association.service_lines import create, plan
from device_association.service_lines.calls import LineCalls, creating
from device_association.service_lines.context import SliceContext
from device_association.service_lines.dispatch import CallDispatcher
from device_association.service_lines.lookups.account import LOOK_AGAIN, LOOK_LASTS
from device_association.service_lines.lookups.known import KnownLine
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.settings import Settings
from local.sample_data import world
from tests.flow import Flow, request
from tests.protocol import people
from tests.protocol.acts import (
    Act,
    Ask,
    ByHand,
    ChangeFilter,
    Close,
    Edit,
    Pass,
    Renumber,
    Retry,
    Stop,
    TakeOver,
    Work,
)
from tests.protocol.database import DEVICES
from tests.protocol.vendor import Call, Kept, Manners, TickingClock, Vendor, fillers
from tests.protocol.worker import Client, InTurn, Killed, Run, Worker

CUSTOMERS = ((world.ACME, "dora.ops"), (world.BOREALIS, "dora.ops"), (world.GULF, "finn.fleet"))
"""Two customers of a tenant in one account, and one of its sub-tenant in another account; each with who asks for them."""
PRODUCTS = (world.PRODUCT, world.SECOND_PRODUCT)
ACCOUNTS = {"revio_northwind": world.ACCOUNT, "revio_secondary": world.SECOND_ACCOUNT}
FILLERS = {
    "revio_northwind": (int(world.ACME),) * 4 + (int(world.BOREALIS),) * 2,
    "revio_secondary": (int(world.GULF),) * 4,
}
"""Whose the lines are that are there from the beginning, of SIMs that nobody asks for."""
EXPECTED = (ClaimLost, StepUnfinished, RevioRetryable)
"""How a step may end without anything being wrong."""


@dataclass
class Change:
    """A bulk change that was accepted."""

    change_id: int
    products: int


class Office:
    """The whole of an example: the database, the vendor's accounts, changes, runs, and what was promised and broken."""

    def __init__(self, portal: Engine, settings: Settings, *, lag: float, manners: Manners) -> None:
        self.portal, self.settings, self.clock = portal, settings, TickingClock()
        self.vendors = {
            name: Vendor(account, self.clock, lag, manners, fillers(FILLERS[name]))
            for name, account in ACCOUNTS.items()
        }
        self.numbers = [[number] for number, _ in CUSTOMERS]
        self.bodies: dict[str, dict[str, Any]] = {}
        self.settled: dict[tuple[int, str, int], Settled] = {}
        self.changes: list[Change] = []
        self.runs: list[Run] = []
        self.out: list[Call] = []
        self.stopped: dict[tuple[int, int], dict[int, int]] = {}
        self.lied_about: set[str] = set()
        self.edited_sims: set[str] = set()
        self.broken: list[str] = []
        self.make_client: Callable[[Worker, Vendor], Any] = Client

    # What may happen.

    @singledispatchmethod
    def do(self, act: Act) -> None:
        raise NotImplementedError(act)

    @do.register
    def _(self, act: Pass) -> None:
        self.clock.pass_seconds(act.seconds)

    @do.register
    def _(self, act: Ask) -> None:
        number, user = self.numbers[act.customer][-1], CUSTOMERS[act.customer][1]
        names = PRODUCTS[: act.products]
        more = {"RevProductIdList": list(names), "RateList": ["4.50"] * len(names)} if names else {}
        worker = Worker(self, act.script)
        devices = [DEVICES[place] for place in act.devices]
        sent = request(devices, RevCustomerId=number, **more)
        created: list[Any] = []
        self._as(worker, lambda flow: created.append(flow.create(sent, user=user)))
        if created and created[0].accepted:
            for device, customer in act.others:
                people.write_as_portal(self.portal, created[0].change_id, DEVICES[device], guid_of(customer))
            self.changes.append(Change(created[0].change_id, act.products))
            self._begin(self.changes[-1], worker)

    @do.register
    def _(self, act: TakeOver) -> None:
        if change := _newest(self.changes, act.change):
            self._begin(change, Worker(self, act.script))

    @do.register
    def _(self, act: Work) -> None:
        if run := _newest(self.runs, act.run):
            worker = Worker(self, act.script)
            for number in run.slices:
                if worker.is_dead:
                    return

                def work(flow: Flow, number: int = number) -> None:
                    self._work(worker, flow, run, number, act)

                self._as(worker, work)

    @do.register
    def _(self, act: Close) -> None:
        if run := _newest(self.runs, act.run):
            self._as(Worker(self, act.script), lambda flow: (flow.associate(run.claim), flow.close(run.claim)))

    @do.register
    def _(self, act: Stop) -> None:
        change = _newest(self.changes, act.change)
        found = change and self._ask_one(
            "SELECT s.RetryNumber, s.Actor FROM device_association.change_state AS s "
            "INNER JOIN dbo.DeviceBulkChange AS c ON s.BulkChangeId = c.id "
            "WHERE c.id = %s AND c.Status IN ('NEW', 'PROCESSING')",
            change.change_id,
        )
        if change and found:
            Flow(self.portal, Path(), clock=self.clock).stop(
                Claim(change.change_id, found[0], "a person", found[1]), "CANCELED_BY_USER", "wrong customer"
            )
            begun = self.ask(
                "SELECT id, Calls FROM device_association.line_intent WHERE BulkChangeId = %s", change.change_id
            )
            self.stopped.setdefault((change.change_id, found[0]), dict(begun))

    @do.register
    def _(self, act: Retry) -> None:
        change = _newest(self.changes, act.change)
        if change and self.retry(change):
            self._begin(change, Worker(self, act.script))

    @do.register
    def _(self, act: ByHand) -> None:
        vendor = self.vendor_of(act.customer)
        body, odd = people.written(
            act.spelling, int(self.numbers[act.customer][-1]), act.device, self.bodies.get(DEVICES[act.device])
        )
        more = {"by_hand": True, "sim": DEVICES[act.device], "odd": odd}
        vendor.keep(vendor.all_lines, body, self.clock(), **more)

    @do.register
    def _(self, act: Edit) -> None:
        lines = [line for vendor in self.vendors.values() for line in vendor.lines()]
        lines.sort(key=lambda line: (line.committed, line.number))
        if line := _newest(lines, act.line):
            customer = int(self.numbers[min(act.to, len(CUSTOMERS) - 1)][-1])
            self.edited_sims |= {sim for sim in (line.sim,) if sim}
            people.edit(line, act.what, customer, act.to, self.clock())

    @do.register
    def _(self, act: Renumber) -> None:
        numbers = self.numbers[act.customer]
        numbers.append(str(99_000 + 100 * act.customer + len(numbers)))
        with self.portal.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE dbo.RevCustomer SET RevCustomerId = %s WHERE id = %s", (numbers[-1], guid_of(act.customer))
            )

    @do.register
    def _(self, act: ChangeFilter) -> None:
        for vendor in self.vendors.values():
            vendor.change_filter(act.name, act.how)

    def vendor_of(self, customer: int) -> Vendor:
        """Return the account in which a customer is."""
        return self.vendors["revio_secondary" if CUSTOMERS[customer][0] == world.GULF else "revio_northwind"]

    def numbers_of(self, guid: str) -> set[int]:
        """Return the numbers that a customer has now or had."""
        return {
            int(number) for place, numbers in enumerate(self.numbers) for number in numbers if guid_of(place) == guid
        }

    def retry(self, change: Change) -> bool:
        """Open an ended change's failed rows again, as the domain contract says; return whether there are any."""

        def again(connection: Connection) -> bool:
            about = (change.change_id,)
            opened = connection.exec_driver_sql(
                "UPDATE dbo.M2M_DeviceChange SET Status = 'NEW', ErrorCode = NULL, IsProcessed = 0, HasErrors = 0, "
                "ProcessedDate = NULL WHERE BulkChangeId = %s AND Status IN ('ERROR', 'API_FAILED', 'CANCELED') "
                "AND EXISTS (SELECT 1 FROM dbo.DeviceBulkChange AS c "
                "WHERE c.id = BulkChangeId AND c.Status NOT IN ('NEW', 'PROCESSING'))",
                about,
            ).rowcount
            if opened:
                connection.exec_driver_sql("UPDATE dbo.DeviceBulkChange SET Status = 'NEW' WHERE id = %s", about)
                connection.exec_driver_sql(
                    "UPDATE device_association.change_state SET RetryNumber = RetryNumber + 1, ClaimRunId = NULL, "
                    "ClaimedDate = NULL WHERE BulkChangeId = %s",
                    about,
                )
                lock_devices(connection, change.change_id, now=self.clock())
            return opened > 0

        return in_transaction(self.portal, again)

    def _begin(self, change: Change, worker: Worker) -> None:
        """Let a new run claim the change, check it and plan its calls; the run before counts as dead."""

        def begin(flow: Flow) -> None:
            began = self.clock.now
            claim = flow.open(change.change_id, f"run {len(self.runs) + 1}", lives=lambda _: False)
            run = Run(claim, began)
            self.runs.append(run)
            flow.check(claim)
            run.slices = plan.plan_rev_services(
                flow.portal, claim, self._clients(worker), self.settings, clock=self.clock
            )

        self._as(worker, begin)

    def _work(self, worker: Worker, flow: Flow, run: Run, number: int, act: Work) -> None:
        context = SliceContext(flow.portal, run.claim, self._clients(worker), self.settings, self.clock)
        worker.owner, worker.run, worker.calls_at_once = context.owner, run, act.at_once
        if act.at_once:
            self._call_at_once(context, number)
        else:
            create.create_rev_services(context, number, last_try=act.last_try)

    def _call_at_once(self, context: SliceContext, number: int) -> None:
        """Call for the SIMs of a slice that are planned and have no line, in batches of three."""
        about = {"slice_number": number, **context.claim.key}
        devices = context.read_devices(number)
        with context.engine.connect() as connection:
            known = rows(connection, KnownLine, "service_lines/list_known", **about)
        with_lines = {line.intent_id for line in known}
        free = [one for one in devices if one.state == "PLANNED" and one.intent_id not in with_lines]
        if free:
            three = replace(context, settings=context.settings.model_copy(update={"rev_concurrency": 3}))
            client, looks = context.clients(free[0].connection_id), SliceLooks(context)
            looks.learn(free, known)
            calls = LineCalls(three, client, None, creating(looks))
            CallDispatcher(calls, InTurn(), Pace.AT_ONCE).call_all(free)

    def _as(self, worker: Worker, work: Callable[[Flow], object]) -> None:
        try:
            work(Flow(worker.engine, Path(), clock=self.clock, settings=self.settings))
        except EXPECTED:
            pass
        except Killed:
            worker.is_dead = True

    def _clients(self, worker: Worker) -> Callable[[str], Any]:
        return lambda connection_id: self.make_client(worker, self.vendors[connection_id])

    # What is looked at from outside.

    def is_open(self, change: Change) -> bool:
        """Return whether the change has not ended."""
        sql = "SELECT 1 FROM dbo.DeviceBulkChange WHERE id = %s AND Status IN ('NEW', 'PROCESSING')"
        return self._ask_one(sql, change.change_id) is not None

    def has_work(self, change: Change) -> bool:
        """Return whether an open row of the change waits for its line or its products."""
        return (
            self._ask_one(
                "SELECT 1 FROM device_association.line_intent AS i "
                "INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id "
                "WHERE m.BulkChangeId = %s AND m.IsProcessed = 0 AND i.ReadyDate IS NULL",
                change.change_id,
            )
            is not None
        )

    def ask(self, sql: str, *binds: object) -> list[Any]:
        with self.portal.connect() as connection, closing(connection.connection.cursor()) as cursor:
            cursor.execute(sql, binds)
            return list(cursor.fetchall())

    def _ask_one(self, sql: str, *binds: object) -> Any:
        return next(iter(self.ask(sql, *binds)), None)

    def lines_of_others(self, vendor: Vendor, iccid: str) -> list[int]:
        """Return the lines that are known as other SIMs'."""
        return [
            number
            for (number,) in self.ask(
                "SELECT RevServiceId FROM device_association.rev_line_owner "
                "WHERE IntegrationAuthenticationId = %s AND ICCID <> %s ORDER BY 1",
                vendor.account_id,
                iccid,
            )
        ]

    @contextmanager
    def calling(self, call: Call) -> Iterator[None]:
        """Note that a call is out while inside; no other call for its subject may be out then."""
        if any(other.subject == call.subject and other.is_out(call.sent) for other in self.out):
            self.broken.append(f"two calls are out for {call.subject} at once")
        self.out.append(call)
        yield
        call.answered = True

    def check_begun(self, worker: Worker, vendor: Vendor, iccid: str) -> datetime | None:
        """A call is made only by the owner of its lease, and none is begun after its change was stopped.

        None is begun either for a SIM of which an active line was there to be seen. Return the end of the lease.
        """
        begun = self.ask(
            "SELECT i.id, i.Calls, i.LeaseUntil, i.CalledDate, CAST(i.RevCustomerId AS text) "
            "FROM device_association.line_intent AS i "
            "WHERE i.ICCID = %s AND i.State = 'CALLING' AND i.LeaseOwner = %s",
            iccid,
            worker.owner,
        )
        if len(begun) != 1:
            self.broken.append(f"{iccid} was called for by a worker with {len(begun)} leases")
            return None
        intent_id, calls, lease_until, called, guid = begun[0]
        assert worker.run is not None
        claim = worker.run.claim
        before = self.stopped.get((claim.bulk_change_id, claim.retry_number))
        if before is not None and calls > before.get(intent_id, 0):
            self.broken.append(f"a call for {iccid} was begun after its change was stopped")
        self.broken += self._overlooked(worker.run, vendor, iccid, called, self.numbers_of(guid))
        until: datetime = lease_until
        return until

    def _overlooked(self, run: Run, vendor: Vendor, iccid: str, called: datetime, customers: set[int]) -> Iterator[str]:
        """Yield the active lines of a SIM that a look before its call must have shown."""
        mirrored = self.ask(
            "SELECT l.IntegrationAuthenticationId, l.RevServiceId FROM dbo.RevService AS l "
            "WHERE l.IsDeleted = 0 AND l.DisconnectedDate IS NULL AND l.CreatedDate < %s",
            called,
        )
        for other in self.vendors.values():
            for line in other.lines():
                if line.sim != iccid or line.ended is not None or line.committed > called:
                    continue
                if other is vendor and self._was_to_be_seen(line, run, called, customers):
                    seconds = (called - line.committed).total_seconds()
                    yield f"{iccid} was called for though its line {line.number} had been there for {seconds:.0f} s"
                if other is not vendor and line.edited is None and (other.account_id, line.number) in mirrored:
                    yield f"{iccid} was called for though line {line.number} of the other account is its line"

    def _was_to_be_seen(self, line: Kept, run: Run, called: datetime, customers: set[int]) -> bool:
        """Whether a look before a call must have shown a line; a changed one, if its customer's list was read since.

        A plan does not read that list where the whole account was listed a moment before.
        """
        shown = line.committed + timedelta(seconds=self.vendors["revio_northwind"].lag)
        if line.edited is None:
            return shown + LOOK_LASTS < called
        listed = run.planned - LOOK_AGAIN
        return line.edited < listed and shown < listed and line.body["customer_id"] in customers

    def note_settled(self, worker: Worker, binds: dict[str, Any]) -> None:
        """Note what is true of a line at the moment at which it is recorded as its SIM's."""
        key = (binds["intent_id"], binds["state"], binds["service_id"])
        asked = min(filter(None, [worker.asked, self.clock.now - LOOK_LASTS]))
        self.settled[key] = Settled(self.clock.now, asked)


@dataclass(frozen=True)
class Settled:
    """When a line was recorded as its SIM's, and since when what is known of it may be from."""

    at: datetime
    looked: datetime


def guid_of(customer: int) -> str:
    """Return the portal's own id of a customer."""
    number = CUSTOMERS[customer][0]
    return str(world.customer_id(number, world.SECOND_ACCOUNT if number == world.GULF else world.ACCOUNT))


def _newest(things: list[Any], place: int) -> Any:
    return things[-1 - place] if place < len(things) else None

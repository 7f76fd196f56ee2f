"""Lets things happen: runs, workers and persons at the real database, with the real functions and the modelled vendor.

All is one thread of control. Between two transactions of a worker, and before, in and after its calls, what its script says
happens; so any number of workers are interleaved without two of them ever running at once, and an example can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from device_association import line_creation, line_outcomes, line_planning
from device_association.batches import hold_devices
from device_association.call_budget import Pace
from device_association.claims import Claim
from device_association.database import in_transaction, rows
from device_association.errors import (
    ClaimLost,
    RevioRetryable,
    StepUnfinished,
)
from device_association.line_calls import Caller
from device_association.settings import Settings
from local.sample_data import world
from tests.flow import Flow, request
from tests.protocol.acts import (
    Act,
    Ask,
    ByHand,
    Close,
    Pass,
    Retry,
    Stop,
    TakeOver,
    Work,
)
from tests.protocol.database import DEVICES
from tests.protocol.vendor import Call, Clock, Vendor
from tests.protocol.worker import Client, InTurn, Killed, Run, Worker

CUSTOMERS = ((world.ACME, "dora.ops"), (world.BOREALIS, "dora.ops"), (world.GULF, "finn.fleet"))
"""Two customers of a tenant in one account, and one of its sub-tenant in another account; each with who asks for them."""
PRODUCTS = (world.PRODUCT, world.SECOND_PRODUCT)
ACCOUNTS = {"revio_northwind": world.ACCOUNT, "revio_secondary": world.SECOND_ACCOUNT}
EXPECTED = (ClaimLost, StepUnfinished, RevioRetryable)
"""How a step may end without anything being wrong."""


@dataclass
class Change:
    """A bulk change that was accepted."""

    change_id: int
    products: int


class Office:
    """The whole of an example: the database, the vendor's accounts, changes, runs, and what was promised and broken."""

    def __init__(self, portal: Engine, settings: Settings, *, lag: float, ignores_filters: bool) -> None:
        self.portal, self.settings, self.clock = portal, settings, Clock()
        self.vendors = {name: Vendor(account, self.clock, lag, ignores_filters) for name, account in ACCOUNTS.items()}
        self.changes: list[Change] = []
        self.runs: list[Run] = []
        self.out: list[Call] = []
        self.stopped: dict[tuple[int, int], dict[int, int]] = {}
        self.lied_about: set[str] = set()
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
        number, user = CUSTOMERS[act.customer]
        names = PRODUCTS[: act.products]
        more = {"RevProductIdList": list(names), "RateList": ["4.50"] * len(names)} if names else {}
        worker = Worker(self, act.script)
        devices = [DEVICES[place] for place in act.devices]
        sent = request(devices, RevCustomerId=number, **more)
        created: list[Any] = []
        self._as(worker, lambda flow: created.append(flow.create(sent, user=user)))
        if created and created[0].accepted:
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
                self._as(worker, lambda flow, number=number: self._work(worker, flow, run, number, act))

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
                "SELECT id, Calls FROM device_association.rev_intent WHERE BulkChangeId = %s", change.change_id
            )
            self.stopped.setdefault((change.change_id, found[0]), dict(begun))

    @do.register
    def _(self, act: Retry) -> None:
        change = _newest(self.changes, act.change)
        if change and self.retry(change):
            self._begin(change, Worker(self, act.script))

    @do.register
    def _(self, act: ByHand) -> None:
        customer = CUSTOMERS[act.customer][0]
        vendor = self.vendors["revio_secondary" if customer == world.GULF else "revio_northwind"]
        iccid = DEVICES[act.device]
        names = {"number": "by hand", "number2": iccid} if act.names_sim else {"number": iccid, "number2": None}
        vendor.keep(vendor.all_lines, {"customer_id": int(customer), **names}, self.clock(), by_hand=True)

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
                hold_devices(connection, change.change_id, now=self.clock())
            return opened > 0

        return in_transaction(self.portal, again)

    def _begin(self, change: Change, worker: Worker) -> None:
        """Let a new run claim the change, check it and plan its calls; the run before counts as dead."""

        def begin(flow: Flow) -> None:
            claim = flow.open(change.change_id, f"run {len(self.runs) + 1}", lives=lambda _: False)
            run = Run(claim)
            self.runs.append(run)
            flow.check(claim)
            run.slices = line_planning.plan_rev_services(
                flow.portal, claim, self._clients(worker), self.settings, now=self.clock()
            )

        self._as(worker, begin)

    def _work(self, worker: Worker, flow: Flow, run: Run, number: int, act: Work) -> None:
        desk = line_outcomes.Desk(flow.portal, run.claim, self._clients(worker), self.settings, self.clock)
        worker.owner, worker.run, worker.calls_at_once = desk.owner, run, act.at_once
        if act.at_once:
            self._call_at_once(desk, number)
        else:
            line_creation.create_rev_services(desk, number, last_try=act.last_try)

    def _call_at_once(self, desk: line_outcomes.Desk, number: int) -> None:
        """Call for the SIMs of a slice that are planned and have no line, in batches of three."""
        where = {"slice_number": number, **desk.claim.key}
        with desk.engine.connect() as connection:
            devices = rows(connection, "intents/list_slice_devices", **where)
            listed = {line["intent_id"] for line in rows(connection, "intents/list_slice_lines", **where)}
        free = [one for one in devices if one["state"] == "PLANNED" and one["intent_id"] not in listed]
        if free:
            three = replace(desk, settings=desk.settings.model_copy(update={"rev_concurrency": 3}))
            client = desk.clients(free[0]["connection_id"])
            Caller(three, client, None, InTurn(), Pace.AT_ONCE).call_all({**one, "now": self.clock()} for one in free)

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
                "SELECT 1 FROM device_association.rev_intent AS i "
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

    def check_begun(self, worker: Worker, iccid: str) -> datetime | None:
        """A call is made only by the owner of its lease, and none is begun after its change was stopped.

        Return the end of the lease.
        """
        begun = self.ask(
            "SELECT id, Calls, LeaseUntil FROM device_association.rev_intent "
            "WHERE ICCID = %s AND State = 'CALLING' AND LeaseOwner = %s",
            iccid,
            worker.owner,
        )
        if len(begun) != 1:
            self.broken.append(f"{iccid} was called for by a worker with {len(begun)} leases")
            return None
        assert worker.run is not None
        claim = worker.run.claim
        before = self.stopped.get((claim.bulk_change_id, claim.retry_number))
        if before is not None and begun[0][1] > before.get(begun[0][0], 0):
            self.broken.append(f"a call for {iccid} was begun after its change was stopped")
        lease_until: datetime = begun[0][2]
        return lease_until


def _newest(things: list[Any], place: int) -> Any:
    return things[-1 - place] if place < len(things) else None

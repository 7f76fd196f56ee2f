"""Lets things happen: runs, workers and persons at the real database, with the real functions and the modelled vendor.

All is one thread of control. Between two transactions of a worker, and before, in and after its calls, what its script says
happens; so any number of workers are interleaved without two of them ever running at once, and an example can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from device_association import line_creation, line_outcomes, line_planning
from device_association.batches import hold_devices
from device_association.claims import Claim
from device_association.database import in_transaction
from device_association.errors import (
    ClaimLost,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.revio import Line, Product
from device_association.settings import Settings
from local.portal_tables import table_names
from local.sample_data import groups, world
from tests.flow import Flow, request
from tests.protocol.acts import (
    Act,
    Ask,
    ByHand,
    Close,
    Die,
    Pass,
    Retry,
    Script,
    Stop,
    TakeOver,
    Work,
)
from tests.protocol.vendor import CALL_SECONDS, STALL_SECONDS, Answer, Call, Clock, Kind, Vendor

DEVICES = groups().inherited
CUSTOMERS = ((world.ACME, "dora.ops"), (world.BOREALIS, "dora.ops"), (world.GULF, "finn.fleet"))
"""Two customers of a tenant in one account, and one of its sub-tenant in another account; each with who asks for them."""
PRODUCTS = (world.PRODUCT, world.SECOND_PRODUCT)
ACCOUNTS = {"revio_northwind": world.ACCOUNT, "revio_secondary": world.SECOND_ACCOUNT}
MOMENT_SECONDS = 15.0
"""How long a worker may stand still before a transaction: what it read of the clock is that old."""
EXPECTED = (ClaimLost, StepUnfinished, RevioRetryable)
"""How a step may end without anything being wrong."""
OPERATION = [
    name
    for name in table_names()
    if name.startswith("device_association.")
    or name.removeprefix("dbo.")
    in {
        "RevService",
        "RevServiceProduct",
        "DeviceBulkChange",
        "DeviceChangeRequest",
        "M2M_DeviceChange",
        "DeviceBulkChangeLog",
        "DeviceActionHistory",
        "CrossProviderDeviceHistory",
        "Device_CustomerRatePlanOrRatePool_Queue",
        "Device_Tenant",
    }
]
"""The tables that an example writes."""


class Killed(BaseException):
    """The process of a worker is no more: nothing may catch it, nothing more is written."""


@dataclass
class Run:
    """A run of the DAG: its claim and the slices that it planned."""

    claim: Claim
    slices: list[int] = field(default_factory=list)


@dataclass
class Change:
    """A bulk change that was accepted."""

    change_id: int
    products: int


@dataclass
class Worker:
    """One process: it follows its script and dies when that says so."""

    office: Office
    script: Script
    is_dead: bool = False
    moments: int = 0
    answers: int = 0
    reads: int = 0
    turns: int = 0
    owner: str = ""
    run: Run | None = None

    def moment(self, *, at_most: float | None = MOMENT_SECONDS) -> None:
        """Let happen what the script has for this moment."""
        if self.is_dead:
            raise Killed
        self.moments += 1
        with self.office.clock.at_most(at_most) if at_most is not None else nullcontext():
            while self.turns < len(self.script.turns) and self.moments > self.script.turns[self.turns][0]:
                act = self.script.turns[self.turns][1]
                self.turns, self.moments = self.turns + 1, 0
                if isinstance(act, Die):
                    self.is_dead = True
                    raise Killed
                self.office.do(act)

    def next_answer(self) -> Answer:
        self.answers += 1
        return self.script.answers[self.answers - 1] if self.answers <= len(self.script.answers) else Answer()

    def read(self) -> None:
        self.reads += 1
        if self.reads - 1 in self.script.failing_reads:
            raise RevioRetryable("look-up turned away", status=503)

    @property
    def engine(self) -> Engine:
        return self.office.portal.execution_options(worker=self)


@dataclass
class Client:
    """What a worker sees of one account: the methods of RevioClient."""

    worker: Worker
    vendor: Vendor

    @property
    def office(self) -> Office:
        return self.worker.office

    def check_credentials(self) -> None:
        self.worker.moment()

    def lines(self, **filters: Any) -> Iterator[Line]:
        self.worker.moment()
        self.worker.read()
        found = self.vendor.shown_lines(filters)
        self.worker.moment(at_most=None)
        yield from found

    def products(self, service_id: int) -> Iterator[Product]:
        self.worker.moment()
        self.worker.read()
        found = self.vendor.shown_products(service_id)
        self.worker.moment(at_most=None)
        yield from found

    def create_line(self, body: dict[str, Any]) -> int:
        iccid = body["number2"]
        self.office.check_begun(self.worker, iccid)

        def keep(commits: Any) -> int:
            return self.vendor.keep(self.vendor.all_lines, body, commits)

        return self._post(iccid, keep, Answer(Kind.CREATED))

    def create_product(self, body: dict[str, Any]) -> int:
        there = any(one.number == body["service_id"] for one in self.vendor.lines())

        def keep(commits: Any) -> int:
            return self.vendor.keep(self.vendor.all_products, body, commits)

        subject = f"product {body['product_id']} of line {body['service_id']} in {self.vendor.account_id}"
        return self._post(subject, keep, Answer() if there else Answer(Kind.REFUSED, None))

    def _post(self, subject: str, keep: Callable[[Any], int], honest: Answer) -> int:
        clock = self.office.clock
        with clock.at_most(STALL_SECONDS):
            self.worker.moment()
        answer = self.worker.next_answer()
        if honest.kind is not Kind.CREATED or answer.kind is Kind.CREATED:
            answer = honest if honest.kind is not Kind.CREATED else replace(answer, commits_after=0.0)
        sent = clock()
        commits = None if answer.commits_after is None else sent + timedelta(seconds=answer.commits_after)
        number = keep(commits) if commits is not None else None
        with self.office.calling(Call(subject, sent, commits)), clock.at_most(CALL_SECONDS):
            self.worker.moment()
        result = self._answered(answer, number, subject)
        self.worker.moment(at_most=None)
        if isinstance(result, Exception):
            raise result
        return result

    def _answered(self, answer: Answer, number: int | None, iccid: str) -> int | Exception:
        kind = answer.kind
        if kind is Kind.CREATED and number is not None:
            return number
        if kind is Kind.OTHER_SIMS and (others := self.office.lines_of_others(self.vendor, iccid)):
            return others[0]
        if kind is Kind.NOBODYS and iccid in DEVICES:
            self.office.lied_about.add(iccid)
            return 900_000 + next(self.vendor.numbers)
        if kind is Kind.TURNED_AWAY:
            return RevioRetryable("429", status=429, retry_after=60.0)
        if kind is Kind.TURNED_AWAY_BRIEFLY:
            return RevioRetryable("429", status=429, retry_after=0.0)
        if kind is Kind.REFUSED:
            return RevioRejected("400", status=400)
        if kind is Kind.UNAUTHORIZED:
            return RevioUnauthorized("401", status=401)
        return RevioOutcomeUnknown("500", status=500)


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
                self._as(worker, lambda flow, number=number: self._work(worker, flow, run, number, act.last_try))

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
            Flow(self.portal, Path(), clock=self.clock).stop(  # type: ignore[arg-type]
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
                "ProcessedDate = NULL WHERE BulkChangeId = %s AND Status IN ('ERROR', 'API_FAILED', 'CANCELED') AND EXISTS "
                "(SELECT 1 FROM dbo.DeviceBulkChange AS c WHERE c.id = BulkChangeId "
                "AND c.Status NOT IN ('NEW', 'PROCESSING'))",
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

    def _work(self, worker: Worker, flow: Flow, run: Run, number: int, last_try: bool) -> None:
        desk = line_outcomes.Desk(flow.portal, run.claim, self._clients(worker), self.settings, self.clock)
        worker.owner, worker.run = desk.owner, run
        line_creation.create_rev_services(desk, number, last_try=last_try)

    def _as(self, worker: Worker, work: Callable[[Flow], object]) -> None:
        try:
            work(Flow(worker.engine, Path(), clock=self.clock, settings=self.settings))  # type: ignore[arg-type]
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

    def calling(self, call: Call) -> Any:
        """Note that a call is out while inside; no other call for its subject may be out then."""
        if any(other.iccid == call.iccid and other.is_out(call.sent) for other in self.out):
            self.broken.append(f"two calls are out for {call.iccid} at once")
        self.out.append(call)
        return _answering(call)

    def check_begun(self, worker: Worker, iccid: str) -> None:
        """A call is made only by the owner of its lease, and none is begun after its change was stopped."""
        begun = self.ask(
            "SELECT id, Calls FROM device_association.rev_intent "
            "WHERE ICCID = %s AND State = 'CALLING' AND LeaseOwner = %s",
            iccid,
            worker.owner,
        )
        if len(begun) != 1:
            self.broken.append(f"{iccid} was called for by a worker with {len(begun)} leases")
            return
        assert worker.run is not None
        claim = worker.run.claim
        before = self.stopped.get((claim.bulk_change_id, claim.retry_number))
        if before is not None and begun[0][1] > before.get(begun[0][0], 0):
            self.broken.append(f"a call for {iccid} was begun after its change was stopped")


class _answering:  # noqa: N801 -- a context manager that reads as a verb
    def __init__(self, call: Call) -> None:
        self.call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.call.answered = kind is None


def _newest(things: list[Any], place: int) -> Any:
    return things[-1 - place] if place < len(things) else None


def prepare(portal: Engine) -> None:
    """Keep of the sample world what an example needs, once; let a worker's moment come before each of its transactions."""
    with portal.begin() as connection:
        connection.exec_driver_sql("SET synchronous_commit = off")
        connection.exec_driver_sql(
            "CREATE TABLE public.kept AS SELECT t.* FROM dbo.Device_Tenant AS t "
            "INNER JOIN dbo.Device AS d ON t.DeviceId = d.id WHERE d.ICCID = ANY(%s)",
            (list(DEVICES),),
        )
        for name in reversed(OPERATION):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM dbo.Device WHERE ICCID <> ALL(%s)", (list(DEVICES),))
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET synchronous_commit = off")
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET lock_timeout = '5s'")
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET jit = off")
    portal.dispose()

    @event.listens_for(portal, "begin")
    def come(connection: Connection) -> None:
        worker = connection.get_execution_options().get("worker")
        if worker is not None:
            worker.moment()


RESET = ";".join(
    [
        *(f"DELETE FROM {name}" for name in reversed(OPERATION)),
        "INSERT INTO dbo.Device_Tenant SELECT * FROM public.kept",
    ]
)


def reset(portal: Engine) -> None:
    """Bring the database back to how an example begins."""
    with portal.begin() as connection:
        connection.exec_driver_sql(RESET)

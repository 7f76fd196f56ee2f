"""A worker, which lives and dies by its script, and what it sees of the vendor.

In each of its moments - before each of its transactions, and before, in and after each of its calls - may happen what its
script says. Some moments have names: `begin`, before the transaction that takes the leases of calls; `POST`, `sent` and
`answered` of a call for a line, `POST product` and so on of one for a product; of a look-up what it asks for (see `wire`),
and `after ...` when it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from device_association.bulk_changes.claims import Claim
from device_association.domain.errors import RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.revio.accounts import Account
from device_association.revio.client import Product
from device_association.revio.lines import Line
from device_association.revio.listings import Listing
from device_association.service_lines.context import SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal.calls import begin_creations
from tests.protocol.acts import Die, Script
from tests.protocol.database import DEVICES
from tests.protocol.vendor import CALL_SECONDS, STALL_SECONDS, Answer, Call, Kind, Vendor
from tests.protocol.wire import real_client

if TYPE_CHECKING:
    from tests.protocol.office import Office

ACCOUNT = Account("revio", "https://restapi.example", "login@client", "password", "key")
MOMENT_SECONDS = 15.0
"""How long a worker may stand still before a transaction: what it read of the clock is that old."""


class Killed(BaseException):
    """The process of a worker is no more: nothing may catch it, nothing more is written."""


@dataclass
class Run:
    """A run of the DAG: its claim and the slices that it planned."""

    claim: Claim
    planned: datetime
    """When its plan began to look."""
    slices: list[int] = field(default_factory=list)


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
    asked: datetime | None = None
    owner: str = ""
    run: Run | None = None
    calls_at_once: bool = False

    def moment(self, name: str = "", *, at_most: float | None = MOMENT_SECONDS, counts: bool = True) -> None:
        """Let happen what the script has for this moment, by its name or as so-manyth of those that count."""
        if self.is_dead:
            raise Killed
        self.moments += counts
        with self.office.clock.at_most(at_most) if at_most is not None else nullcontext():
            while self.turns < len(self.script.turns) and self._is_time(self.script.turns[self.turns][0], name):
                act = self.script.turns[self.turns][1]
                self.turns, self.moments = self.turns + 1, 0
                if isinstance(act, Die):
                    self.is_dead = True
                    raise Killed
                self.office.do(act)

    def _is_time(self, when: int | str, name: str) -> bool:
        return self.moments > when if isinstance(when, int) else when == name

    def next_answer(self) -> Answer:
        self.answers += 1
        return self.script.answers[self.answers - 1] if self.answers <= len(self.script.answers) else Answer()

    def read_fails(self) -> bool:
        """Whether this look-up is turned away."""
        self.reads += 1
        self.asked = self.office.clock.now
        return self.reads - 1 in self.script.failing_reads

    @property
    def engine(self) -> Engine:
        return self.office.portal.execution_options(worker=self)


@dataclass
class Client:
    """What a worker sees of one account: the methods of RevioClient."""

    worker: Worker
    vendor: Vendor
    account: Account = ACCOUNT

    def __post_init__(self) -> None:
        self.reads = real_client(self.worker, self.vendor)

    @property
    def office(self) -> Office:
        return self.worker.office

    def check_credentials(self) -> None:
        self.reads.check_credentials()

    def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
        return self.reads.lines(on_page=on_page, **filters)

    def line(self, service_id: int) -> Line | None:
        return self.reads.line(service_id)

    def products(self, service_id: int) -> Sequence[Product]:
        return self.reads.products(service_id)

    def create_line(self, body: dict[str, Any]) -> int:
        iccid = body["number2"]
        lease_until = self.office.check_begun(self.worker, self.vendor, iccid)
        self.office.bodies[iccid] = body

        def keep(commits: datetime) -> int:
            return self.vendor.keep(self.vendor.all_lines, body, commits, sim=iccid)

        # Calls that were begun together are made one after the other here, and leave each other's leases time.
        with self.office.clock.until(lease_until) if self.worker.calls_at_once and lease_until else nullcontext():
            return self._post(iccid, keep)

    def create_product(self, body: dict[str, Any]) -> int:
        line_is_there = any(one.number == body["service_id"] for one in self.vendor.lines())

        def keep(commits: datetime) -> int:
            return self.vendor.keep(self.vendor.all_products, body, commits)

        subject = f"product {body['product_id']} of line {body['service_id']} in {self.vendor.account_id}"
        return self._post(subject, keep, " product", refused=not line_is_there)

    def _post(self, subject: str, keep: Callable[[datetime], int], what: str = "", *, refused: bool = False) -> int:
        clock = self.office.clock
        with clock.at_most(STALL_SECONDS):
            self.worker.moment(f"POST{what}")
        answer = Answer(Kind.REFUSED, None) if refused else self.worker.next_answer()
        sent = clock()
        commits = None if answer.commits_after is None else sent + timedelta(seconds=answer.commits_after)
        number = keep(commits) if commits is not None else None
        with self.office.calling(Call(subject, sent, commits)), clock.at_most(CALL_SECONDS):
            self.worker.moment(f"sent{what}")
        result = self._answered(answer, number, subject)
        self.worker.moment(f"answered{what}", at_most=None)
        if isinstance(result, Exception):
            raise result
        return result

    def _answered(self, answer: Answer, number: int | None, subject: str) -> int | Exception:
        kind = answer.kind
        if kind is Kind.CREATED and number is not None:
            return number
        is_line = subject in DEVICES
        if kind is Kind.OTHER_SIMS and is_line and (others := self.office.lines_of_others(self.vendor, subject)):
            return others[0]
        if kind is Kind.NOBODYS and is_line:
            self.office.lied_about.add(subject)
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


def begin_after_a_moment(context: SliceContext, devices: Sequence[SliceDevice]) -> set[int]:
    """Take the leases of calls as the protocol does, after the moment `begin`."""
    context.engine.get_execution_options()["worker"].moment("begin", counts=False)
    return begin_creations(context, devices)


class InOrder(Future[Any]):
    """A future that has the same place in a set whenever an example is repeated."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place

    def __hash__(self) -> int:
        return self.place


class InTurn(Executor):
    """Does what it is given at once, in the order in which it is given."""

    def __init__(self) -> None:
        self.given = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given += 1
        done = InOrder(self.given)
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as problem:  # as a thread's, also the death of the worker
            done.set_exception(problem)
        return done

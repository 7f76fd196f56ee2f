"""No SIM is ever billed twice: whoever asks, dies, lies, is late or comes again, in whatever order.

PROTOCOL_EXAMPLES says how many random examples the slow test runs; without it they are always the same 75.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from device_association.domain.errors import RevioOutcomeUnknown
from device_association.revio import lines as revio_lines
from device_association.revio.lines import Line, line_of
from device_association.revio.listings import CLOCKS_DIFFER, Listing
from device_association.revio.pages import read_pages
from device_association.revio.sims import Judgment, Sim, judge
from device_association.service_lines import calls, find_line
from device_association.service_lines.context import Outcome
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.journal import entries
from device_association.service_lines.journal.entries import mirror_row
from device_association.service_lines.lookups import account, sims, snapshot
from device_association.service_lines.lookups.account import AccountLooks
from device_association.service_lines.lookups.filters import AccountFilters
from device_association.service_lines.lookups.sims import SliceLooks
from tests.databases import clone
from tests.hunts import few_and_many
from tests.protocol import acts, promises
from tests.protocol.acts import Act, Ask, ByHand, ChangeFilter, Close, Pass, Script, Spelling, TakeOver, Work
from tests.protocol.database import prepare, reset
from tests.protocol.machine import machine, protocol_settings
from tests.protocol.office import Office
from tests.protocol.vendor import MAX_LAG, Answer, Filters, Kind, Manners
from tests.protocol.worker import Client, begin_after_a_moment

EXAMPLES = int(os.environ.get("PROTOCOL_EXAMPLES", "75"))
SETTINGS = hypothesis_settings(
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize="PROTOCOL_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
UNTIL_FOUND = hypothesis_settings(SETTINGS, max_examples=200, phases=[Phase.generate], derandomize=True)
LOST, LATE = Answer(Kind.LOST, 0.0), Answer(Kind.LOST, 40.0)
OTHER_SIMS = Answer(Kind.OTHER_SIMS, 0.0)
TURNED_AWAY, REFUSED = Answer(Kind.TURNED_AWAY, None), Answer(Kind.REFUSED, None)
CREATED = Answer()


@pytest.fixture(scope="module")
def office(server: URL, sample_template: str) -> Iterator[Engine]:
    """Give one database for all examples; each begins with an empty one. A list counts as long that has three lines."""
    with clone(server, sample_template) as portal, pytest.MonkeyPatch.context() as patched:
        patched.setattr(account, "PAGE_SIZE", 3)
        patched.setattr(calls, "begin_creations", begin_after_a_moment)
        prepare(portal)
        yield portal


@pytest.mark.timeout(0)
@few_and_many(5, EXAMPLES)
def test_no_order_of_events_breaks_a_promise_of_the_protocol(office: Engine, examples: int) -> None:
    tested = machine(office, protocol_settings())
    began = time.perf_counter()
    run_state_machine_as_test(tested, settings=hypothesis_settings(SETTINGS, max_examples=examples))
    figures = tested.figures
    print(f"{figures.examples} examples, {sum(figures.steps.values())} steps in {time.perf_counter() - began:.0f} s:")
    print(f"{dict(figures.steps)}, {dict(figures.came_to)}")
    assert figures.examples >= min(examples, 10)


@pytest.mark.timeout(0)
@few_and_many(3, EXAMPLES // 2)
def test_no_story_of_a_sim_breaks_a_promise_of_the_protocol(office: Engine, examples: int) -> None:
    tested = machine(office, protocol_settings(), what_happens=acts.STORIES)
    run_state_machine_as_test(
        tested, settings=hypothesis_settings(SETTINGS, max_examples=examples, stateful_step_count=4)
    )
    print(f"{tested.figures.examples} examples: {dict(tested.figures.steps)}, {dict(tested.figures.came_to)}")


def answers(*said: Answer, turns: tuple[tuple[int | str, Act], ...] = ()) -> Script:
    return Script(said, turns=turns)


FOUND: dict[str, list[Act]] = {
    "a look-up that takes longer than the settle time": [
        Ask(0, (0,)),
        Work(0, script=answers(LATE)),
        Work(0, script=answers(turns=(("after sim", Pass(1)), ("after sim", Pass(125))))),
    ],
    "a line of another SIM in the answer, and the next change before the real one is shown": [
        Ask(0, (0, 1)),
        Work(0, script=answers(CREATED, OTHER_SIMS)),
        Close(0),
        Ask(0, (1,)),
        Work(0),
    ],
    "a call that is answered when the next change has its intent and wants products": [
        Ask(0, (0,)),
        Work(0, script=answers(turns=(("sent", TakeOver(0)), (0, Close(0)), (0, Ask(0, (0,), products=1))))),
        Work(0),
        Close(0),
    ],
    "a call that is turned away when its change has ended": [
        Ask(0, (0,)),
        Work(0, script=answers(TURNED_AWAY, turns=(("sent", TakeOver(0)), (0, Close(0))))),
    ],
    "a look-up of products that takes longer than their lease": [
        Ask(0, (0,), products=1),
        Work(0, script=answers(CREATED, LATE)),
        Work(0, script=answers(turns=(("after products", Pass(200)),))),
    ],
    "a product that was planned when it was read, and whose caller has died since": [
        Ask(0, (0,), products=2),
        Work(
            0,
            script=answers(
                turns=(("answered product", Pass(200)), (-1, Work(0, script=answers(LOST))), (-1, Pass(200)))
            ),
        ),
    ],
    "a product's answer that says 429 when somebody else has called": [
        Ask(0, (0,), products=1),
        Work(
            0,
            script=answers(
                CREATED, TURNED_AWAY, turns=(("answered product", Pass(200)), (0, Work(0, script=answers(LOST))))
            ),
        ),
        Work(0),
    ],
    "a call that was begun with others and is sent when its lease has run out": [
        Ask(0, (0, 1)),
        Work(0, at_once=True, script=answers(turns=(("answered", Pass(60)), (-1, Work(0))))),
    ],
    "a refusal that is told when somebody else has called": [
        Ask(0, (0,)),
        Work(0, script=answers(REFUSED, turns=(("answered", Pass(200)), (0, Work(0, script=answers(LOST)))))),
        Close(0),
        Ask(0, (0,)),
        Work(0),
    ],
    "a line in another spelling that was adopted, and a customer of another account who asks for its SIM": [
        ByHand(0, 2, Spelling.HYPHENS),
        Pass(3600),
        Ask(0, (2,)),
        Work(0),
        Close(0),
        Ask(2, (2,)),
        Work(0),
    ],
    "a record without an id, and a filter that answers nothing": [
        ByHand(1, 2, Spelling.NO_ID),
        Pass(3600),
        ChangeFilter("number2", Filters.NOTHING),
        Pass(3600),
        Ask(0, (2,)),
        Work(0),
    ],
    "a line in another spelling that was made since the account was looked at": [
        Ask(0, (1,)),
        Work(0, script=answers(Answer(Kind.LOST, None))),
        ByHand(0, 1, Spelling.MSISDN),
        Pass(1000),
        Work(0),
    ],
    "a list of what is new from which a line leaves while it is read": [
        Ask(0, (1, 0)),
        Work(0, script=answers(Answer(Kind.LOST, None))),
        ByHand(0, 1, Spelling.FILLER),
        Pass(125),
        Work(0),
    ],
    "a SIM with a lost line and a person's line, for which a customer of another account asks": [
        Ask(0, (0,)),
        Ask(0, (1,)),
        Work(0, script=answers(LOST)),
        ByHand(0, 1),
        Pass(125),
        Work(0),
        Close(0),
        Ask(2, (1,)),
        Work(0),
        Pass(125),
        Work(0),
        Close(0),
    ],
}
SHIFTY = {"a list of what is new from which a line leaves while it is read"}
"""Cases of a vendor with pages of two lines, of which one leaves while a list is read."""


@pytest.mark.parametrize("case", FOUND)
def test_what_once_broke_a_promise_does_not_any_more(office: Engine, case: str) -> None:
    reset(office)
    about: dict[str, Any] = (
        {"lag": 0.0, "manners": Manners(2, shifts=True)} if case in SHIFTY else {"lag": MAX_LAG, "manners": Manners()}
    )
    here = Office(office, protocol_settings(max_mapped_tasks=1), **about)
    for act in FOUND[case]:
        here.do(act)
        promises.check(here)


class Repeating(Client):
    """A client that repeats a call whose outcome is not known."""

    def create_line(self, body: dict[str, Any]) -> int:
        try:
            return super().create_line(body)
        except RevioOutcomeUnknown:
            return super().create_line(body)


class OncePaged(Client):
    """A client that takes one pass of a list for all of it."""

    def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
        pages = read_pages(self.reads._calls, "/v1/Services", filters, on_page)
        return Listing(tuple({line.key: line for page in pages for line in map(line_of, page)}.values()))


class Tidy(Client):
    """A client that leaves out what nobody can judge."""

    def lines(self, *, on_page: Any = None, **filters: Any) -> Listing:
        listing = super().lines(on_page=on_page, **filters)
        return Listing(tuple(line for line in listing if not line.flaw()), listing.is_stable)


@contextmanager
def rewritten(portal: Engine, old: str, new: str) -> Iterator[None]:
    """Let the database see `new` where a statement of ours says `old`."""

    def rewrite(_connection: Any, _cursor: Any, sql: str, binds: Any, *_: Any) -> tuple[str, Any]:
        return sql.replace(old, new), binds

    event.listen(portal, "before_cursor_execute", rewrite, retval=True)
    try:
        yield
    finally:
        event.remove(portal, "before_cursor_execute", rewrite)


IS_PLANNED = "i.id = r.id\n    AND i.State = 'PLANNED'"
IS_STOPPED = "x.BulkChangeId ="
WAS_LOOKED_AT = "AND i.LookedDate > "


def of_the_customer(lines: Iterable[Line], sim: Sim, customers: Collection[int], now: datetime) -> Judgment:
    own = [line for line in lines if line.customer_id is None or line.customer_id in customers]
    return judge(own, sim, customers, now)


def of_anybody(lines: Iterable[Line], sim: Sim, _: Collection[int], now: datetime) -> Judgment:
    found = list(lines)
    return judge(found, sim, {line.customer_id for line in found if line.customer_id}, now)


def by_date_only(device: Any, line: Line, known_before: Collection[str]) -> Outcome:
    is_late = line.created is not None and line.created >= device.called - CLOCKS_DIFFER
    return Outcome.CREATED if is_late and line.key not in known_before else Outcome.ADOPTED


def as_asked_for(device: Any, service_id: int, line: Line | None = None) -> dict[str, object]:
    return mirror_row(device, service_id) | ({"disconnected_date": None} if line else {})


def read_new_unchecked(looks: AccountLooks, look: Any) -> datetime:
    """Take what is listed as new for all of it, whether the newest line that is known is there or not."""
    begun = looks._clock()
    found = list(looks._client.lines(created_date_start=look.newest - looks._search_lag))
    with looks._engine.begin() as connection:
        snapshot.keep_lines(connection, found, account_id=looks._account.account_id, listed=begun, shown=begun)
    return begun


@dataclass(frozen=True)
class Mutation:
    """What is taken from the protocol, and the acts and manners among which that is found out soonest."""

    client: type[Client] = Client
    settings: dict[str, float] = field(default_factory=dict)
    rewrite: tuple[str, str] = ("nothing", "nothing")
    patches: tuple[tuple[Any, str, Any], ...] = ()
    happens: SearchStrategy[Act] = acts.STORIES
    manners: SearchStrategy[Manners] = acts.MANNERS
    to_the_end: bool = False


MUTATIONS: dict[str, Mutation] = {
    "the POST is repeated after a time-out": Mutation(Repeating, happens=acts.ACTS),
    "a call is begun whoever holds its lease": Mutation(
        rewrite=(IS_PLANNED, IS_PLANNED.replace("= 'PLANNED'", "IN ('PLANNED', 'CALLING')")),
        happens=acts.HELD_BY_ANOTHER,
    ),
    "a call is begun after the stop": Mutation(rewrite=(IS_STOPPED, f"1 = 0 AND {IS_STOPPED}"), happens=acts.ACTS),
    "the settle time is forgotten": Mutation(settings={"rev_search_lag_seconds": 0.0}, happens=acts.SHOWN_LATE),
    "the second pass of a list is skipped": Mutation(OncePaged, happens=acts.LONG_LISTS, manners=acts.SHIFTING),
    "records that cannot be judged are left out": Mutation(
        Tidy, happens=acts.there_before(Spelling.NO_CUSTOMER, Spelling.NO_ID, Spelling.ROUNDED)
    ),
    "a look of any age is good enough": Mutation(
        rewrite=(WAS_LOOKED_AT, "AND i.LookedDate <> "),
        patches=((SliceLooks, "is_fresh", lambda *_, **__: True),),
        happens=acts.NEW_LINES,
    ),
    "lines of other customers are ignored": Mutation(
        patches=((sims, "judge", of_the_customer),), happens=acts.ELSEWHERE
    ),
    "lines of other customers are adopted": Mutation(patches=((sims, "judge", of_anybody),), happens=acts.ELSEWHERE),
    "what an account has new is not compared with the SIMs that wait": Mutation(
        patches=((sims, "match", lambda *_: []),), happens=acts.NEW_LINES
    ),
    "an ICCID is compared as it is written": Mutation(
        patches=((revio_lines, "iccid_digits", lambda text: text),),
        happens=acts.there_before(Spelling.FILLER, Spelling.HYPHENS),
    ),
    "a line that is found counts as ours by its date": Mutation(
        patches=((find_line, "outcome_of", by_date_only),), happens=acts.MADE_MEANWHILE
    ),
    "the mirror of an adopted line holds what was asked for": Mutation(
        patches=((entries, "mirror_row", as_asked_for),), happens=acts.there_before(Spelling.OTHER_TERMS)
    ),
    "look-ups by number are trusted without a proof": Mutation(
        patches=((AccountFilters, "_prove", lambda _: True),), happens=acts.SWAPPED, manners=acts.BLIND_NUMBERS
    ),
    "an account's list of what is new is trusted": Mutation(
        patches=((AccountLooks, "_read_new", read_new_unchecked),), happens=acts.NEW_LINES, manners=acts.BLIND_NEWS
    ),
    "lines that were known before a call are forgotten": Mutation(
        patches=((SliceLooks, "keys_before", lambda *_: frozenset()),), happens=acts.RECONNECTED
    ),
    "a customer's former number is forgotten": Mutation(
        patches=((SliceDevice, "customers", property(lambda device: frozenset({int(device.customer_number)}))),),
        happens=acts.RENUMBERED,
        to_the_end=True,
    ),
}


@pytest.mark.timeout(0)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_protocol_without_one_of_its_rules_is_found_out(
    office: Engine, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = MUTATIONS[mutation]
    for where, name, value in how.patches:
        monkeypatch.setattr(where, name, value)
    tested = machine(
        office,
        protocol_settings(**how.settings),
        how.client,
        to_the_end=how.to_the_end,
        what_happens=how.happens,
        manners=how.manners,
        is_hunt=how.happens is not acts.ACTS,
    )
    began, steps = time.perf_counter(), 12 if how.happens is acts.ACTS else 3  # a story is several acts
    with rewritten(office, *how.rewrite), pytest.raises(promises.Broken) as found:
        run_state_machine_as_test(tested, settings=hypothesis_settings(UNTIL_FOUND, stateful_step_count=steps))
    seconds = time.perf_counter() - began
    print(f"{mutation}: {str(found.value)[:200]} after {tested.figures.examples} examples in {seconds:.0f} s")

"""No SIM is ever billed twice: whoever asks, dies, lies, is late or comes again, in whatever order.

PROTOCOL_EXAMPLES says how many random examples are run; without it they are always the same 75.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from device_association.errors import RevioOutcomeUnknown
from tests.databases import clone
from tests.protocol import promises
from tests.protocol.acts import Act, Ask, Close, Pass, Script, TakeOver, Work
from tests.protocol.database import prepare, reset
from tests.protocol.machine import machine, protocol_settings
from tests.protocol.office import Office
from tests.protocol.vendor import MOST_LAG, Answer, Kind
from tests.protocol.worker import Client

EXAMPLES = int(os.environ.get("PROTOCOL_EXAMPLES", "75"))
SETTINGS = hypothesis_settings(
    max_examples=EXAMPLES,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize="PROTOCOL_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
UNTIL_FOUND = hypothesis_settings(SETTINGS, max_examples=1500, phases=[Phase.generate], derandomize=True)
LOST, LATE = Answer(Kind.LOST, 0.0), Answer(Kind.LOST, 40.0)
OTHER_SIMS = Answer(Kind.OTHER_SIMS, 0.0)
TURNED_AWAY, REFUSED = Answer(Kind.TURNED_AWAY, None), Answer(Kind.REFUSED, None)
CREATED = Answer()


@pytest.fixture(scope="module")
def office(server: URL, sample_template: str) -> Iterator[Engine]:
    """Give one database for all examples; each begins with an empty one."""
    with clone(server, sample_template) as portal:
        prepare(portal)
        yield portal


@pytest.mark.timeout(0)
def test_no_order_of_events_breaks_a_promise_of_the_protocol(office: Engine) -> None:
    tested = machine(office, protocol_settings())
    began = time.perf_counter()
    run_state_machine_as_test(tested, settings=SETTINGS)
    figures = tested.figures
    print(f"{figures.examples} examples, {sum(figures.steps.values())} steps in {time.perf_counter() - began:.0f} s:")
    print(f"{dict(figures.steps)}, {dict(figures.came_to)}")
    assert figures.examples >= min(EXAMPLES, 20)


def answers(*said: Answer, turns: tuple[tuple[int, Act], ...] = ()) -> Script:
    return Script(said, turns=turns)


FOUND: dict[str, list[Act]] = {
    "a look-up that takes longer than the settle time": [
        Ask(0, (0,)),
        Work(0, script=answers(LATE)),
        Work(0, script=answers(turns=((2, Pass(125)),))),
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
        Work(0, script=answers(turns=((3, TakeOver(0)), (0, Close(0)), (0, Ask(0, (0,), products=1))))),
        Work(0),
        Close(0),
    ],
    "a call that is turned away when its change has ended": [
        Ask(0, (0,)),
        Work(0, script=answers(TURNED_AWAY, turns=((3, TakeOver(0)), (0, Close(0))))),
    ],
    "a look-up of products that takes longer than their lease": [
        Ask(0, (0,), products=1),
        Work(0, script=answers(CREATED, LATE)),
        Work(0, script=answers(turns=((5, Pass(200)),))),
    ],
    "a product that was planned when it was read, and whose caller has died since": [
        Ask(0, (0,), products=2),
        Work(0, script=answers(turns=((12, Pass(200)), (-1, Work(0, script=answers(LOST))), (-1, Pass(200))))),
    ],
    "a product's answer that says 429 when somebody else has called": [
        Ask(0, (0,), products=1),
        Work(0, script=answers(CREATED, TURNED_AWAY, turns=((12, Pass(200)), (0, Work(0, script=answers(LOST)))))),
        Work(0),
    ],
    "a call that was begun with others and is sent when its lease has run out": [
        Ask(0, (0, 1)),
        Work(0, at_once=True, script=answers(turns=((4, Pass(60)), (-1, Work(0))))),
    ],
    "a refusal that is told when somebody else has called": [
        Ask(0, (0,)),
        Work(0, script=answers(REFUSED, turns=((4, Pass(200)), (0, Work(0, script=answers(LOST)))))),
        Close(0),
        Ask(0, (0,)),
        Work(0),
    ],
}


@pytest.mark.parametrize("case", FOUND)
def test_what_once_broke_a_promise_does_not_any_more(office: Engine, case: str) -> None:
    reset(office)
    here = Office(office, protocol_settings(max_mapped_tasks=1), lag=MOST_LAG, ignores_filters=False)
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


IS_PLANNED = "i.id = r.intent_id\n    AND i.State = 'PLANNED'"
IS_STOPPED = "x.BulkChangeId ="


MUTATIONS: dict[str, dict[str, Any]] = {
    "the POST is repeated after a time-out": {"make_client": Repeating},
    "a call is begun whoever holds its lease": {
        "rewrite": (IS_PLANNED, IS_PLANNED.replace("= 'PLANNED'", "IN ('PLANNED', 'CALLING')"))
    },
    "a call is begun after the stop": {"rewrite": (IS_STOPPED, f"1 = 0 AND {IS_STOPPED}")},
    "the settle time is forgotten": {"settings": {"rev_settle_seconds": 0.0}},
}


@pytest.mark.timeout(0)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_protocol_without_one_of_its_rules_is_found_out(office: Engine, mutation: str) -> None:
    how = MUTATIONS[mutation]
    tested = machine(
        office, protocol_settings(**how.get("settings", {})), how.get("make_client", Client), to_the_end=False
    )
    with rewritten(office, *how.get("rewrite", ("nothing", "nothing"))), pytest.raises(promises.Broken) as found:
        run_state_machine_as_test(tested, settings=UNTIL_FOUND)
    print(f"{mutation}: {found.value} after {tested.figures.examples} examples")

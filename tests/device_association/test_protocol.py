"""No SIM is ever billed twice: whoever asks, dies, lies, is late or comes again, in whatever order."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.databases import clone
from tests.protocol.machine import machine, protocol_settings
from tests.protocol.office import prepare

EXAMPLES = int(os.environ.get("PROTOCOL_EXAMPLES", "150"))
SETTINGS = hypothesis_settings(
    max_examples=EXAMPLES,
    stateful_step_count=12,
    deadline=None,
    database=None,
    derandomize="PROTOCOL_EXAMPLES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


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

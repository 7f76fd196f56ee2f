"""What PostgreSQL's planner makes of our statements: none compares each device with each, whatever its statistics say.

Work tables are analyzed while they hold little: locks when no change is open, intents when all are settled. Until the next
analysis the planner takes what is in work for one row, and a plan that reads all of it for each device seems the cheapest.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.rig.portal import FIRST_DEVICE, add_devices
from device_association.bulk_changes.access import Right, find_caller
from device_association.database.execution import make_engine
from device_association.reconciliation.accounts import Interval, reconcile_account
from device_association.requests.revert import revert_change
from device_association.revio.lines import Line
from device_association.service_lines.lookups.snapshot import RevAccount
from local import sample_data
from local.sample_data import world
from tests.databases import POSTGRESQL
from tests.flow import NOW, Clock, Flow, Rev, line_from, request

DEVICES = 1000
MIN_STATEMENTS = 80
"""How many different statements a change and its revert run at least: fewer would mean that they are not seen."""
ROWS_A_DEVICE, ROWS_A_RUN = 100, 5 * DEVICES
"""Most rows that a statement may touch for each device, and besides for each of its runs: a table of a few thousand rows is
read whole rather than by its index. One that compares each device with each touches half of all for each."""
EXPLAINING = (
    "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on;"
    "SET auto_explain.log_timing = off; SET auto_explain.log_format = json; SET auto_explain.log_level = notice;"
    "SET auto_explain.log_nested_statements = on; SET random_page_cost = 1.1"
)


class Plans(list[str]):
    """Stands for a connection's notices, and adds up how many rows the busiest step of each statement's plans touched."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()

    def append(self, notice: str) -> None:
        found = re.search(r"plan:\s*(\{.*\})\s*$", notice, re.DOTALL)
        if found:
            plan = json.loads(found[1])
            statement = re.sub(r"'[^']*'|\b\d+\b", "?", " ".join(plan["Query Text"].split()))
            self.touched[statement] += busiest(plan["Plan"])
            self.runs[statement] += 1

    @property
    def slow(self) -> dict[str, int]:
        """The statements that touched too many rows, with how many."""
        return {
            statement: rows
            for statement, rows in self.touched.items()
            if rows > ROWS_A_DEVICE * DEVICES + ROWS_A_RUN * self.runs[statement]
        }


def busiest(node: dict[str, Any]) -> int:
    """Return how many rows the busiest step of a plan touched, those that it dropped included."""
    dropped = sum(rows for name, rows in node.items() if name.startswith("Rows Removed by"))
    own = round((node["Actual Rows"] + dropped) * node["Actual Loops"])
    return max([own, *(busiest(one) for one in node.get("Plans", ()))])


@contextmanager
def explained(engine: Engine) -> Iterator[Plans]:
    """Have each statement of an engine's new connections explained as it runs."""
    plans = Plans()

    @event.listens_for(engine, "connect")
    def explain(connection: Any, _record: object) -> None:
        connection.notices = plans
        with connection.cursor() as cursor:
            cursor.execute(EXPLAINING)
        connection.commit()

    yield plans


@dataclass
class Ticking(Clock):
    """A clock on which no two looks show the same time."""

    def __call__(self) -> datetime:
        self.pass_seconds(0.001)
        return self.now


def lines_of_others() -> list[Line]:
    """Return the lines that the customer has at Rev.io for other SIMs."""
    body = {"customer_id": 4711}
    return [
        line_from(number, body | {"number2": world.iccid(number)}, NOW - timedelta(days=1))
        for number in range(500_000, 500_000 + 3 * DEVICES)
    ]


def change(flow: Flow, first: int) -> int:
    """Bring a change with a line for each device to its end, and return its id."""
    created = flow.create(request([world.iccid(number) for number in range(first, first + DEVICES)]))
    work(flow, created.change_id)
    return created.change_id


def work(flow: Flow, change_id: int) -> None:
    claim = flow.open(change_id)
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    assert flow.close(claim).codes == {"PROCESSED": DEVICES}


@pytest.mark.parametrize("dialect", [POSTGRESQL], indirect=True)
@pytest.mark.parametrize("is_settled", [False, True], ids=["never analyzed", "analyzed when all was settled"])
def test_no_statement_compares_each_device_with_each(empty_portal: Engine, tmp_path: Path, is_settled: bool) -> None:
    sample_data.load(empty_portal)
    flow = Flow(empty_portal, tmp_path, Rev(lines_of_others()), Ticking())
    add_devices(empty_portal, 5 * DEVICES)
    if is_settled:
        for part in range(1, 5):
            change(flow, FIRST_DEVICE + part * DEVICES)
        with empty_portal.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    flow.portal = make_engine(empty_portal.url)
    with explained(flow.portal) as plans:
        associated = change(flow, FIRST_DEVICE)
        with flow.portal.connect() as connection:
            dora = find_caller(connection, "dora.ops", Right.EDIT)
        work(flow, revert_change(flow.portal, dora, associated, reason="wrong customer", now=flow.clock()).change_id)
    flow.portal.dispose()
    assert len(plans.touched) > MIN_STATEMENTS
    assert plans.slow == {}


@pytest.mark.parametrize("dialect", [POSTGRESQL], indirect=True)
def test_reconciliation_compares_no_line_with_each(empty_portal: Engine, tmp_path: Path) -> None:
    sample_data.load(empty_portal)
    flow = Flow(empty_portal, tmp_path, Rev(lines_of_others()), Ticking())
    add_devices(empty_portal, DEVICES)
    change(flow, FIRST_DEVICE)
    with empty_portal.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE dbo.RevService SET Description = 'not what Rev.io shows', ModifiedDate = NULL"
        )
        connection.exec_driver_sql("UPDATE dbo.Device_Tenant SET RevServiceId = NULL")
    day = Interval(NOW - timedelta(hours=12), NOW + timedelta(hours=12))
    flow.clock.pass_seconds(timedelta(days=2).total_seconds())
    flow.portal = make_engine(empty_portal.url)
    northwind = RevAccount(world.ACCOUNT, "northwind", "revio_northwind", world.NORTHWIND)
    with explained(flow.portal) as plans:
        done = reconcile_account(flow.portal, northwind, day, flow.rev.lines, clock=flow.clock)
    flow.portal.dispose()
    assert done["repaired"]["LINK_MISSING"] > DEVICES
    assert plans.slow == {}

"""The benches on a handful of devices: that they run, and that what they compare did its work."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from benchmarks.benches.budget import BudgetBench
from benchmarks.benches.creation import LATENCY_MS, TRIES, CreationBench
from benchmarks.benches.growth import GrowthBench
from benchmarks.benches.scheduled_plans import PlansBench
from benchmarks.measuring import Figure
from benchmarks.rig.fleet import Crew
from benchmarks.rig.portal import FIRST_DEVICE
from benchmarks.rig.vendor import BenchVendor, Meter
from device_association.database.execution import make_engine
from local.sample_data import groups, world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
DEVICES = 3
SMALL_CREW = Crew(processes=2, calls=2)
ASSOCIATED = (
    "SELECT COUNT(*) FROM dbo.Device_Tenant WHERE DeviceId >= :first AND AccountNumber = :customer AND RevServiceId > 0"
)
CREATED = "SELECT COUNT(*) FROM device_association.line_intent WHERE State = 'CREATED'"


def count(server: URL, database: str, statement: str) -> int:
    engine = make_engine(server.set(database=database))
    with engine.connect() as connection:
        found: int = connection.scalar(text(statement), {"first": FIRST_DEVICE, "customer": world.ACME})
    engine.dispose()
    return found


def test_both_ways_of_the_ratio_associate_every_device_and_one_by_one_waits_for_two_calls_each(server: URL) -> None:
    bench = CreationBench(server.render_as_string(hide_password=False), devices=DEVICES, crew=SMALL_CREW)
    assert bench.device_by_device_seconds >= 2 * DEVICES * LATENCY_MS / 1000
    assert count(server, "portal_bench_ratio", ASSOCIATED) == (1 + TRIES) * DEVICES


def test_the_ratio_to_bare_posts_has_every_line_of_ours_in_the_books(server: URL) -> None:
    bench = CreationBench(server.render_as_string(hide_password=False), devices=DEVICES, crew=SMALL_CREW)
    _ = bench.ratio_vs_bare_asyncio  # raises AssertionError unless each SIM has exactly one line
    assert count(server, "portal_bench_bare", CREATED) == TRIES * DEVICES


def test_a_change_under_a_limit_is_metered_with_the_pages_of_its_listing(server: URL) -> None:
    bench = BudgetBench(
        server.render_as_string(hide_password=False), devices=DEVICES, existing=600, calls_per_minute=600
    )
    assert bench.calls_per_device == (DEVICES + 4) / DEVICES, "a list of two pages is read twice"
    assert bench.turned_away == 0


@pytest.mark.parametrize(("calls", "share"), [(500, 1.0), (250, 0.5)])
def test_the_share_is_one_when_every_call_of_a_minute_is_used(
    monkeypatch: pytest.MonkeyPatch, calls: int, share: float
) -> None:
    monkeypatch.setattr(BudgetBench, "_meter", Meter(accepted=calls, turned_away=0, seconds=60.0))
    assert BudgetBench("no database").share == pytest.approx(share, rel=0.02)


def test_due_plans_are_all_set_with_fewer_statements_than_devices(server: URL) -> None:
    bench = PlansBench(server.render_as_string(hide_password=False), devices=50)
    assert bench.cost.statements < 20


def test_growth_counts_the_tables_that_a_change_writes(server: URL) -> None:
    bench = GrowthBench(server.render_as_string(hide_password=False), devices=DEVICES, crew=SMALL_CREW)
    ours, portals = ("device_association", "line_intent"), ("dbo", "devicebulkchangelog")
    assert bench.tables.keys() >= {ours, portals}
    assert bench.of("dbo") >= bench.tables[portals]


def test_a_sim_without_a_line_or_with_two_is_named() -> None:
    with BenchVendor(latency_ms=0) as vendor:
        vendor.require_one_line(groups().adoptable)
        with pytest.raises(AssertionError, match="1 SIMs have not exactly one line"):
            vendor.require_one_line(groups().plain[:1])
        with pytest.raises(AssertionError, match="2 SIMs have not exactly one line"):
            vendor.require_one_line(groups().ambiguous)


@pytest.mark.parametrize(
    ("goal", "met", "missed"), [("<= 6", 6, 6.001), (">= 25", 25, 24.999), ("< 512", 511.9, 512), ("<= 0", 0, 1)]
)
def test_a_goal_is_met_up_to_its_bound(goal: str, met: float, missed: float) -> None:
    figure: Figure[None] = Figure(lambda _: 0, "s", goal)
    assert figure.holds(met)
    assert not figure.holds(missed)

"""The benches on a handful of devices: that they run, and that what they compare did its work."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import URL

from benchmarks.budget import BudgetBench
from benchmarks.creation import CreationBench
from benchmarks.fleet import Crew
from benchmarks.growth import GrowthBench
from benchmarks.scheduled_plans import PlansBench
from benchmarks.vendor import Vendor
from local.sample_data import groups

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_both_ways_of_both_ratios_give_each_sim_one_line(server: URL) -> None:
    bench = CreationBench(server.render_as_string(hide_password=False), devices=3, crew=Crew(processes=2, calls=2))
    assert bench.ratio_vs_device_by_device > 0
    assert bench.ratio_vs_bare_asyncio > 0


def test_a_change_under_a_limit_is_metered_with_the_pages_of_its_listing(server: URL) -> None:
    bench = BudgetBench(server.render_as_string(hide_password=False), devices=3, existing=600, calls_per_minute=600)
    assert bench.calls_per_device == (3 + 2) / 3
    assert bench.turned_away == 0
    assert bench.share > 0  # three calls are no pace yet


def test_due_plans_are_all_set_with_a_handful_of_statements(server: URL) -> None:
    bench = PlansBench(server.render_as_string(hide_password=False), devices=3)
    assert bench.cost.seconds > 0
    assert bench.cost.statements < 20


def test_what_a_change_leaves_is_told_by_table(server: URL) -> None:
    bench = GrowthBench(server.render_as_string(hide_password=False), devices=3, crew=Crew(processes=2, calls=2))
    assert {"device_association", "dbo"} >= {schema for schema, _ in bench.tables}
    assert bench.of("device_association") > 0


def test_a_sim_without_a_line_or_with_two_is_told() -> None:
    with Vendor(latency_ms=0) as vendor:
        vendor.require_one_line(groups().adoptable)
        with pytest.raises(AssertionError, match="1 SIMs have not exactly one line"):
            vendor.require_one_line(groups().plain[:1])
        with pytest.raises(AssertionError, match="2 SIMs have not exactly one line"):
            vendor.require_one_line(groups().ambiguous)

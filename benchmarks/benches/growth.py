"""How much a change leaves in the database: one with a line for each device, and the tables before and after it.

PostgreSQL's sizes, indexes included, of a portal database of its own. Airflow need not run.
"""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import URL, text

from benchmarks.benches.creation import NO_LIMITS
from benchmarks.progress import Tell, silent
from benchmarks.rig import steps
from benchmarks.rig.fleet import PRODUCTION, Crew, Site, fleet
from benchmarks.rig.portal import FIRST_DEVICE, LINE, make_portal, request_change
from benchmarks.rig.vendor import BenchVendor
from device_association.database.execution import make_engine

DEVICES = 5_000
SIZES = text(
    "SELECT n.nspname AS schema_name, c.relname AS table_name, pg_total_relation_size(c.oid) AS bytes"
    " FROM pg_class AS c INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid"
    " WHERE c.relkind = 'r' AND n.nspname IN ('dbo', 'device_association')"
)


class GrowthBench:
    """A change of some devices, each with a line; its growth is told for 100,000."""

    def __init__(
        self, portal_url: str, *, devices: int = DEVICES, crew: Crew = PRODUCTION, tell: Tell = silent
    ) -> None:
        self._portal_url, self.devices, self.crew, self._tell = portal_url, devices, crew, tell

    @cached_property
    def tables(self) -> dict[tuple[str, str], float]:
        """Return by how many MiB each table grows with 100,000 devices."""
        url = make_portal(self._portal_url, "portal_bench_growth", self.devices, self._tell)
        before = _sizes(url)
        with BenchVendor(latency_ms=0) as vendor:
            self._bring_to_end(url, vendor)
        after = _sizes(url)
        grown = {name: (after[name] - before[name]) / 2**20 * 100_000 / self.devices for name in after}
        return {name: round(mib, 1) for name, mib in sorted(grown.items(), key=lambda one: -one[1]) if mib > 0}

    def of(self, schema: str) -> float:
        """Return by how many MiB the tables of one schema grow together."""
        return sum(mib for (name, _), mib in self.tables.items() if name == schema)

    def _bring_to_end(self, url: URL, vendor: BenchVendor) -> None:
        engine, site = make_engine(url), Site(url, vendor.account, NO_LIMITS, self.crew)
        change = request_change(engine, range(FIRST_DEVICE, FIRST_DEVICE + self.devices), LINE)
        for step in steps.BEFORE_LINES:
            self._tell(f"{self.devices:,} devices, {step.__name__}")
            step(engine, change)
        slices = steps.plan(engine, change, site.clients(engine, change), site.settings)
        with fleet(site) as workers:
            workers.create(change, slices, self._tell)
        for step in steps.AFTER_LINES:
            self._tell(f"{self.devices:,} devices, {step.__name__}")
            step(engine, change)
        engine.dispose()


def _sizes(url: URL) -> dict[tuple[str, str], int]:
    engine = make_engine(url)
    with engine.connect() as connection:
        found = {(one.schema_name, one.table_name): one.bytes for one in connection.execute(SIZES)}
    engine.dispose()
    return found

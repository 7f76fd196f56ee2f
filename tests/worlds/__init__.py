"""Small random worlds: tenants, customers, devices, lines, other operations, and a request that meets them.

A world is the portal's tables as rows with ids, so that it can stand in any database; `tests.worlds.tables` puts it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from device_association.domain.errors import RevioError
from device_association.revio.lines import Line
from tests.worlds.customers import customers, for_sale, people, plans
from tests.worlds.devices import devices, lines, tenancies
from tests.worlds.operations import meanwhile, other_operations, portals_change, waiting_plans
from tests.worlds.requests import requests
from tests.worlds.rev import answers, revs_line
from tests.worlds.values import Row, Tables, mostly


@dataclass(frozen=True)
class World:
    """What stands in the tables, what is asked, what changes before the run begins, and how Rev.io will answer."""

    tables: Tables
    request: Row | None
    user: str
    run_id: str | None
    meanwhile: list[tuple[str, str, Any, Any]]
    lines: list[Line] = field(default_factory=list)
    answers: dict[str, RevioError] = field(default_factory=dict)
    refuses_products: bool = False
    twice: bool = False


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Give a world of 3 to 14 devices with a request, a change of the portal's own, or both."""
    tables = people(draw) | customers(draw) | for_sale() | plans(draw)
    numbers = draw(st.lists(st.integers(1, 30), min_size=3, max_size=14, unique=True))
    tables |= devices(draw, numbers)
    tables |= tenancies(draw, tables)
    tables |= lines(draw, tables)
    tables |= other_operations(draw, tables)
    tables |= waiting_plans(draw, tables)
    portals_change(draw, tables)
    iccids = [device["ICCID"] for device in tables["dbo.Device"]]
    return World(
        tables=tables,
        request=draw(st.one_of(requests(tables), requests(tables), requests(tables), st.none())),
        user=draw(st.sampled_from(["ana"] * 16 + ["fin", "fin", "vic", "nobody", "ANA"])),
        run_id=draw(mostly(None, "form-run")),
        meanwhile=draw(st.one_of(st.just([]), st.lists(meanwhile(tables), max_size=3))),
        lines=draw(st.lists(revs_line(tables), max_size=3, unique_by=lambda line: line.service_id)),
        answers=draw(st.dictionaries(st.sampled_from(iccids), answers(), max_size=2)),
        refuses_products=draw(mostly(False, True)),
        twice=draw(mostly(False, True)),
    )

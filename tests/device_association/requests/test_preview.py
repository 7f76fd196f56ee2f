"""A preview says, in whatever world, what the request and the run after it then do: device by device, and field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import assume, event, given, settings
from sqlalchemy import Engine

from device_association.domain.errors import RequestRefused
from device_association.requests.preview import ACCEPTED, preview_bulk_change
from tests.flow import NOW, Flow, read_table
from tests.hunts import SAME_EACH_TIME, few_and_many
from tests.worlds import World, worlds
from tests.worlds.tables import load_world

WRITTEN = [
    *(("dbo", name) for name in ("devicebulkchange", "m2m_devicechange", "devicechangerequest", "devicebulkchangelog")),
    *(("device_association", name) for name in ("change_state", "device_lock", "request_terms", "outbox")),
]


@few_and_many(10, 200)
def test_a_preview_and_what_follows_agree_in_every_world(engine_of_worlds: Engine, examples: int) -> None:
    @given(world=worlds())
    @settings(SAME_EACH_TIME, max_examples=examples)
    def compare(world: World) -> None:
        compare_in(engine_of_worlds, world)

    compare()


def compare_in(engine: Engine, world: World) -> None:
    """Check that the preview of a world's request says what its change and the checks of its run then do."""
    assume(world.request is not None)
    load_world(engine, world)
    before = [read_table(engine, *table) for table in WRITTEN]
    seen = refused_or(lambda: previewed(engine, world))
    assert [read_table(engine, *table) for table in WRITTEN] == before
    flow = Flow(engine, Path())
    done = refused_or(lambda: codes_after_the_run_has_checked(flow, world))
    event("refused as a whole" if isinstance(done, list) else "stored")
    assert seen == done


def refused_or(work: Any) -> Any:
    """Return what the work returns, or the refusals that it raises."""
    try:
        return work()
    except RequestRefused as refused:
        return [(one.code, one.field) for one in refused.refusals]


def previewed(engine: Engine, world: World) -> dict[str, str]:
    assert world.request is not None
    seen = preview_bulk_change(engine, world.request, user_name=world.user, now=NOW, max_devices=1000)
    return {one.iccid: one.code for one in seen.devices}


def codes_after_the_run_has_checked(flow: Flow, world: World) -> dict[str, str]:
    assert world.request is not None
    created = flow.create(world.request, world.user)
    if created.accepted:
        flow.check(flow.open(created.change_id))
    return {
        iccid: ACCEPTED if code in ("NEW", "PROCESSING") else code
        for iccid, code in flow.codes(created.change_id).items()
    }

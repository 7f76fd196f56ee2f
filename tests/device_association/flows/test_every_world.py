"""Whatever world a change comes to, it ends, and bills no SIM twice: several tenants, zones and accounts, dates or none."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import event, given, settings
from sqlalchemy import Engine

from device_association.domain.errors import AssociationError
from tests.flow import NOW, Flow
from tests.hunts import SAME_EACH_TIME, few_and_many
from tests.worlds import World, worlds
from tests.worlds.lives import live

WHEN_IT_RAN = NOW + timedelta(minutes=2)


@few_and_many(10, 200)
def test_in_every_world_a_change_ends_and_no_sim_is_billed_twice(engine_of_worlds: Engine, examples: int) -> None:
    @given(world=worlds())
    @settings(SAME_EACH_TIME, max_examples=examples)
    def bring_to_its_end(world: World) -> None:
        life = live(engine_of_worlds, world, Path())
        assert [one for one in life.problems if not isinstance(one, AssociationError)] == []
        created = Counter(line.number2 for line in life.flow.rev.kept if line.service_id > 1000)
        assert {sim: times for sim, times in created.items() if times > 1} == {}
        final = {row["id"] for row in world.tables["dbo.M2M_DeviceChange"] if row.get("IsProcessed")}
        for change_id in life.closed:
            event("a change was closed")
            check_ended(life.flow, change_id, final)

    bring_to_its_end()


def check_ended(flow: Flow, change_id: int, final: set[int]) -> None:
    """Check that a closed change is final in every table, and that its counts add up; some rows were final before."""
    rows = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id, isdeleted=0)
    assert flow.status(change_id) in {"PROCESSED", "PARTIALLY_PROCESSED", "ERROR", "CANCELED"}
    assert [one for one in rows if not one["isprocessed"] or one["status"] in {"NEW", "PROCESSING"}] == []
    assert [
        one for one in rows if one["status"] != "PROCESSED" and not one["errorcode"] and one["id"] not in final
    ] == []
    assert flow.all("device_association", "device_lock", bulkchangeid=change_id) == []
    owed = Counter(one["kind"] for one in flow.all("device_association", "outbox", bulkchangeid=change_id))
    assert owed["NOTIFICATION"] == 1
    (result,) = flow.all("device_association", "change_result", bulkchangeid=change_id)
    assert result["processed"] == sum(one["status"] == "PROCESSED" for one in rows)
    done = [one for one in rows if one["status"] == "PROCESSED"]
    fields = Counter(
        (one["iccid"], one["changedfield"]) for one in flow.all("dbo", "deviceactionhistory", bulkchangeid=change_id)
    )
    assert {field: times for field, times in fields.items() if times > 1} == {}
    assert {iccid for iccid, _ in fields} <= {one["iccid"] for one in done}
    lines = {one.service_id: one for one in flow.rev.kept}
    for intent in flow.all("device_association", "line_intent", bulkchangeid=change_id):
        line = lines.get(intent["revserviceid"])
        assert line is None or line.is_active(WHEN_IT_RAN), f"{intent['iccid']} has a line that was ended before"

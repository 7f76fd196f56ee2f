"""The checker finds what was planted, each kind by its name, and nothing in a world where all went well."""

from __future__ import annotations

import ast
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

import chaos
from chaos.checks.checker import check, history_of
from chaos.records.world import Row, World
from tests.chaos.worlds import ACME, CHANGE, FORM, ICCIDS, NOON, PLAIN, REFUSED, clean_world, reverted_world

Damage = Callable[[World], object]
NEVER = {"device_association", "device_association_airflow"}


def row(world: World, table: str, **where: object) -> Row:
    return next(one for one in world.tables[table] if all(one[name] == value for name, value in where.items()))


def drop(rows: list[Row], **where: object) -> None:
    rows[:] = [one for one in rows if not all(one.get(name) == value for name, value in where.items())]


def drop_line(world: World) -> None:
    world.journal[:] = [one for one in world.journal if one.get("service", {}).get("service_id") != 11_001]


def second_line(world: World) -> None:
    second = deepcopy(world.journal[0])
    second["service"]["service_id"] = 11_777
    world.journal.append(second)


def to_another_customer(world: World) -> None:
    row(world, "device_tenant", deviceid=3)["accountnumber"] = "4712"
    row(world, "noted", rowid=1003)["new"] = "4712"
    row(world, "deviceactionhistory", m2mdeviceid=3)["currentvalue"] = "4712"


def ended_twice(world: World) -> None:
    first = row(world, "noted", tablename="m2m_devicechange", rowid=1)
    world.tables["noted"].append({**first, "old": "ERROR", "new": "PROCESSED"})


def stored_twice(world: World) -> None:
    world.tables["devicebulkchange"].append({**row(world, "devicebulkchange", id=REFUSED), "id": 99})
    world.tables["change_state"].append({**row(world, "change_state", bulkchangeid=REFUSED), "bulkchangeid": 99})


PLANTED: dict[str, tuple[Damage, set[str]]] = {
    "a line that was lost": (drop_line, {"line lost", "mirror without line"}),
    "a line that was made twice": (second_line, {"line doubled"}),
    "a line that nobody asked for": (
        lambda world: world.journal[0]["service"].update(customer_id=4712),
        {"line unasked"},
    ),
    "a product that was billed twice": (
        lambda world: world.journal.append(deepcopy(world.journal[-1])),
        {"product wrong"},
    ),
    "a product that is missing": (lambda world: world.journal.pop(), {"product wrong"}),
    "two final states": (ended_twice, {"two final states"}),
    "a failure without a code": (
        lambda world: row(world, "m2m_devicechange", id=4).update(errorcode=None),
        {"no code or reason"},
    ),
    "a failure without a reason": (
        lambda world: row(world, "m2m_devicechange", id=4).update(statusdetails=" "),
        {"no code or reason"},
    ),
    "a code of another state": (
        lambda world: row(world, "m2m_devicechange", id=4).update(errorcode="REV_REJECTED"),
        {"no code or reason"},
    ),
    "a history row that is missing": (
        lambda world: drop(world.tables["deviceactionhistory"], m2mdeviceid=1),
        {"history row missing"},
    ),
    "a history row that is there twice": (
        lambda world: world.tables["deviceactionhistory"].append(row(world, "deviceactionhistory", m2mdeviceid=1)),
        {"history row too many"},
    ),
    "a mirror row without a line": (
        lambda world: row(world, "revservice", id=101).update(revserviceid=66_666),
        {"mirror without line", "line without mirror", "link wrong"},
    ),
    "a line that the mirror lacks": (
        lambda world: drop(world.tables["revservice"], id=102),
        {"line without mirror", "link wrong"},
    ),
    "a mirror row of another customer": (
        lambda world: row(world, "revservice", id=103).update(revcustomerid=ACME),
        {"mirror differs"},
    ),
    "a link to another SIM's line": (
        lambda world: row(world, "device_tenant", deviceid=1).update(revserviceid=102),
        {"link wrong"},
    ),
    "a link to a line that has ended": (
        lambda world: row(world, "revservice", id=101).update(disconnecteddate=NOON),
        {"link wrong", "mirror differs"},
    ),
    "a link that was never set": (
        lambda world: row(world, "device_tenant", deviceid=1).update(revserviceid=None),
        {"link wrong"},
    ),
    "a change without an end": (
        lambda world: row(world, "devicebulkchange", id=PLAIN).update(status="PROCESSING"),
        {"change does not end"},
    ),
    "an acknowledged change that is gone": (
        lambda world: drop(world.tables["devicebulkchange"], id=PLAIN),
        {"change lost"},
    ),
    "a form whose run is gone": (lambda world: world.runs.pop("chaos__4"), {"change does not end"}),
    "a request that was stored twice": (stored_twice, {"change stored twice"}),
    "a retry that was forgotten": (
        lambda world: row(world, "change_state", bulkchangeid=REFUSED).update(retrynumber=0),
        {"retry lost"},
    ),
    "a device that is left open in a change that ended": (
        lambda world: row(world, "m2m_devicechange", id=2).update(status="PROCESSING", isprocessed=0),
        {"device does not end"},
    ),
    "a device that was asked for and has no row": (
        lambda world: drop(world.tables["m2m_devicechange"], id=2),
        {"device lost"},
    ),
    "a change that reads better than its devices": (
        lambda world: row(world, "devicebulkchange", id=REFUSED).update(status="PROCESSED"),
        {"wrong status"},
    ),
    "a message that vanished": (lambda world: world.queue.clear(), {"message vanished"}),
    "a dead letter that vanished": (lambda world: world.dead_letters.clear(), {"message vanished"}),
    "a device that went to a customer nobody asked for": (to_another_customer, {"customer unasked"}),
    "a device that is not its last customer's": (
        lambda world: row(world, "device_tenant", deviceid=3).update(siteid=None),
        {"association wrong", "period wrong"},
    ),
    "a period that is missing": (
        lambda world: drop(world.tables["crossproviderdevicehistory"], deviceid=2),
        {"period wrong"},
    ),
    "a failure that left a trace": (
        lambda world: row(world, "deviceactionhistory", m2mdeviceid=3).update(bulkchangeid=CHANGE),
        {"failure left a trace"},
    ),
    "a device that is still held": (
        lambda world: world.tables["device_lock"].append({"bulkchangeid": CHANGE, "deviceid": 1}),
        {"device still held"},
    ),
    "a call without an outcome": (
        lambda world: world.tables["line_intent"][0].update(state="UNKNOWN"),
        {"call does not end"},
    ),
    "a claim that was kept": (
        lambda world: row(world, "change_state", bulkchangeid=FORM).update(claimrunid="run"),
        {"claim kept"},
    ),
    "an end that is not told": (
        lambda world: drop(world.tables["outbox"], bulkchangeid=REFUSED, retrynumber=1),
        {"end not told"},
    ),
    "a notification that was not sent": (
        lambda world: row(world, "outbox", bulkchangeid=PLAIN).update(sentdate=None),
        {"still owed"},
    ),
}


def test_a_world_in_which_all_went_well_is_clean() -> None:
    assert check(clean_world()) == []


def test_a_world_in_which_a_change_was_taken_back_is_clean() -> None:
    assert check(reverted_world()) == []


def test_a_line_that_a_revert_left_running_is_found() -> None:
    world = reverted_world()
    world.journal.pop()
    assert "mirror differs" in {one.kind for one in check(world)}


def test_a_revert_whose_answer_was_lost_is_known_by_its_reason() -> None:
    world = reverted_world()
    drop(world.history, what="answered", kind="revert")
    assert check(world) == []


def test_a_world_survives_its_file() -> None:
    assert World.from_json(clean_world().to_json()) == clean_world()


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found(planted: str) -> None:
    damage, kinds = PLANTED[planted]
    world = clean_world()
    damage(world)
    assert kinds <= {one.kind for one in check(world)}


def test_a_queue_that_forgot_everything_is_not_the_product_s_doing() -> None:
    world = clean_world()
    world.queue.clear()
    world.history.append({"at": "2026-11-28T12:00:01.000+00:00", "what": "queue forgot", "kind": "parts"})
    assert check(world) == []


@pytest.mark.parametrize(("ends", "is_wrong"), [("T18", False), ("T11", True)])
def test_a_link_to_a_line_is_wrong_only_when_its_end_had_come_as_it_was_written(ends: str, is_wrong: bool) -> None:
    """A person whose vendor's clock is ahead ends a line hours from now."""
    world = clean_world()
    end = NOON.replace("T12", ends)
    world.tables["revservice"][0].update(disconnecteddate=end, modifieddate=NOON)
    assert ("link wrong" in {one.kind for one in check(world)}) is is_wrong


@pytest.mark.parametrize("by", ["UPDATE_DEVICE_REV_SERVICE_LINKS", "reconciliation"])
def test_a_link_that_the_procedure_or_reconciliation_set_has_no_history(by: str) -> None:
    world = clean_world()
    noted = next(one for one in world.tables["noted"] if one["tablename"] == "device_tenant")
    world.tables["noted"].append(noted | {"field": "revserviceid", "old": "1", "new": "2", "modifiedby": by})
    assert check(world) == []


def test_a_violation_is_told_with_all_that_is_known_of_it() -> None:
    world = clean_world()
    second_line(world)
    violation = next(one for one in check(world) if one.kind == "line doubled")
    known = [
        (event["what"], event["kind"] if "kind" in event else event["field"]) for event in history_of(world, violation)
    ]
    assert violation.iccid == ICCIDS[1]
    assert known.count(("journal", "service_created")) == 2
    assert ("asked", "ask") in known
    assert ("noted", "status") in known


def test_no_module_of_chaos_imports_the_product() -> None:
    """Nor by way of a name that import-linter does not follow, as in a function."""
    for file in Path(next(iter(chaos.__path__))).rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
        assert not imported & NEVER, file

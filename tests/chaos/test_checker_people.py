"""What the checker says where people and others work on the same lines: each planted violation by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.checks.checker import check, history_of
from chaos.checks.sims import keys_of, keys_of_device, sim_key
from chaos.records.world import Row, World
from tests.chaos.worlds import (
    CHANGE,
    ICCIDS,
    NOON,
    PEOPLED,
    REFUSED,
    clean_world,
    peopled_world,
    reverted_world,
    world_of_a_dying_line,
)

Damage = Callable[[World], object]
LATER = "2026-11-28T13:00:00.000+00:00"


def made(world: World, number: int, kind: str = "service_created") -> Row:
    """Return the journal's entry of a line."""
    entries = (one for one in world.journal if one["kind"] == kind)
    return next(one for one in entries if one["service"]["service_id"] == number)


def row(world: World, table: str, **where: object) -> Row:
    return next(one for one in world.tables[table] if all(one[name] == value for name, value in where.items()))


def ours_for(world: World, device: int, number: int, **about: Any) -> Row:
    """Let a call make a line for a device of change 14, at 12:40."""
    service = {"service_id": number, "customer_id": 4711, "number2": f"89000{device}"} | about
    entry: Row = {"kind": "service_created", "at": "2026-11-28T12:40:00.000+00:00", "account": "northwind"}
    world.journal.append(entry | {"planted": False, "service": service})
    return entry


def end_line(world: World, number: int, at: str = LATER) -> None:
    """Let a call disconnect a line."""
    service = {**made(world, number)["service"], "disconnected_date": LATER}
    world.journal.append({"kind": "service_disconnected", "at": at, "account": "northwind", "service": service})


def end_moved_line(world: World) -> None:
    moved = made(world, 11_008, "service_moved")["service"]
    service = {**moved, "disconnected_date": LATER}
    world.journal.append({"kind": "service_disconnected", "at": LATER, "account": "northwind", "service": service})


def second_account(world: World) -> None:
    """Let the line of change 10 be made in the account of another customer."""
    world.tables["integration_authentication"].append({"id": 2, "name": "secondary"})
    world.journal[0]["account"] = "secondary"


def make_silent_line(world: World) -> None:
    """Let a call whose answer came late leave a line behind that no row has."""
    ours_for(world, 6, 11_777)
    world.journal[:] = [one for one in world.journal if one.get("service", {}).get("service_id") != 12_003]


def delete_change(world: World) -> None:
    row(world, "devicebulkchange", id=CHANGE)["isdeleted"] = 1
    world.tables["device_lock"].append({"bulkchangeid": CHANGE, "deviceid": 1})


def take_over_refused(world: World) -> None:
    """Let the old worker have taken the change of which nobody was accepted, and one of our runs plan a line for it."""
    let_old_worker_take(world)
    world.tables["line_intent"].append({"bulkchangeid": REFUSED, "iccid": "890001", "state": "CREATED"})


def let_old_worker_take(world: World) -> None:
    """Let the change of which nobody was accepted be the old worker's, and not have been retried."""
    row(world, "change_state", bulkchangeid=REFUSED)["retrynumber"] = 0
    world.history[:] = [one for one in world.history if one["kind"] != "retry"]
    world.history.append({"what": "taken", "kind": "change", "at": NOON, "n": 3, "change": REFUSED})


def end_dying(world: World) -> None:
    """Let the line that was adopted end at midnight."""
    made(world, 12_001)["service"]["disconnected_date"] = "2026-11-29T00:00:00"


PLANTED: dict[str, tuple[Damage, set[str]]] = {
    "a second line beside a person's line made an hour before": (
        lambda world: ours_for(world, 4, 11_777),
        {"line doubled"},
    ),
    "a second line beside a person's line in another spelling": (
        lambda world: (
            made(world, 12_002).update(at="2026-11-28T11:00:00.000+00:00"),
            made(world, 12_002)["service"].update(number2="8900 05F"),
        ),
        {"line doubled"},
    ),
    "a second line beside a line that a person numbered with the phone alone": (
        lambda world: (
            made(world, 12_001)["service"].update(number2=None, number="+1 555 000 0004"),
            ours_for(world, 4, 11_777),
        ),
        {"line doubled"},
    ),
    "a line though another customer's was visible": (
        lambda world: ours_for(world, 6, 11_777),
        {"line beside another customer's"},
    ),
    "a line beside a record that can't be judged": (
        lambda world: ours_for(world, 7, 11_777),
        {"line beside an unjudged one"},
    ),
    "an adopted line that a revert disconnected": (
        lambda world: end_line(world, 12_001),
        {"line of others ended"},
    ),
    "a line that was moved to another customer and then disconnected by a revert": (
        end_moved_line,
        {"line of others ended"},
    ),
    "a mirror of an adopted line with the request's terms": (
        lambda world: row(world, "revservice", id=104).update(description="chaos 5"),
        {"mirror of the request"},
    ),
    "a line billed by a change of another account": (second_account, {"line unasked", "line lost"}),
    "a line with no row and no finding": (make_silent_line, {"line unreported"}),
    "a double in the window without a finding": (
        lambda world: world.tables["finding"].clear(),
        {"double not reported"},
    ),
    "another customer's line that is not there": (
        lambda world: row(world, "m2m_devicechange", iccid="890001", bulkchangeid=CHANGE).update(
            status="API_FAILED", errorcode="REV_LINE_OF_OTHER_CUSTOMER", haserrors=1
        ),
        {"code without cause"},
    ),
    "an ambiguous SIM with one line": (
        lambda world: row(world, "m2m_devicechange", iccid="890002", bulkchangeid=CHANGE).update(
            status="API_FAILED", errorcode="REV_LINE_AMBIGUOUS", haserrors=1
        ),
        {"code without cause"},
    ),
    "a lock of a change that was deleted": (delete_change, {"device still held"}),
    "a line for a change that the old worker had": (take_over_refused, {"two programs"}),
    "a line that is to end at midnight, adopted": (end_dying, {"line lost"}),
    "a line that a person deleted before the change began": (
        lambda world: world.journal.append(
            {**made(world, 12_001), "kind": "service_deleted", "at": "2026-11-28T11:30:00.000+00:00"}
        ),
        {"line lost"},
    ),
}


def kinds(world: World) -> set[str]:
    return {one.kind for one in check(world)}


def test_a_world_with_people_in_which_all_went_well_is_clean() -> None:
    assert check(peopled_world()) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_among_people_is_found(planted: str) -> None:
    damage, found = PLANTED[planted]
    world = peopled_world()
    damage(world)
    assert found <= kinds(world)


def test_a_product_that_is_billed_after_its_line_was_disconnected_is_found() -> None:
    world = reverted_world()
    world.journal[:] = [one for one in world.journal if one["kind"] != "product_disconnected"]
    assert kinds(world) == {"product billed on"}
    world.tables["finding"] = [
        {"iccid": None, "integrationauthenticationid": 1, "revserviceid": number} for number in (11_001, 11_002)
    ]
    assert check(world) == []


def test_a_line_that_is_ending_is_no_line_for_who_asks_again() -> None:
    assert {one.kind for one in check(world_of_a_dying_line()) if one.change == 30} == {"line lost"}


def test_who_asks_again_after_a_revert_may_get_a_new_line() -> None:
    world = world_of_a_dying_line()
    service = {"service_id": 11_030, "customer_id": 4711, "number2": ICCIDS[1]}
    world.journal.append(
        {"kind": "service_created", "at": LATER, "account": "northwind", "planted": False, "service": service}
    )
    mirrored = {**row(world, "revservice", id=101), "id": 130, "revserviceid": 11_030, "disconnecteddate": None}
    world.tables["revservice"].append(mirrored)
    row(world, "device_tenant", deviceid=1)["revserviceid"] = 130
    assert check(world) == []


def test_the_window_that_remains_ends_after_a_minute_and_a_half() -> None:
    for seconds, found in ((29, set()), (31, {"line doubled"})):
        world = peopled_world()
        made(world, 12_002)["at"] = f"2026-11-28T11:58:{60 - seconds}.000+00:00"
        assert kinds(world) == found


def test_a_double_that_a_person_ended_again_needs_no_finding() -> None:
    world = peopled_world()
    world.tables["finding"].clear()
    ended = {**made(world, 12_002)["service"], "disconnected_date": LATER}
    world.journal.append({**made(world, 12_002), "kind": "service_disconnected", "at": LATER, "service": ended})
    row(world, "revservice", id=106)["disconnecteddate"] = LATER
    assert check(world) == []


def test_what_people_changed_is_judged_in_the_mirror_once_reconciliation_has_passed() -> None:
    world = peopled_world()
    row(world, "revservice", id=108)["revcustomerid"] = "a-guid"
    assert kinds(world) == {"mirror differs"}
    world.history[:] = [one for one in world.history if one["what"] != "reconciled"]
    assert check(world) == []


def test_a_change_that_was_deleted_need_not_end_and_leaves_nothing_behind() -> None:
    world = clean_world()
    row(world, "devicebulkchange", id=CHANGE).update(isdeleted=1, status="PROCESSING")
    world.tables["outbox"][:] = [one for one in world.tables["outbox"] if one["bulkchangeid"] != CHANGE]
    assert check(world) == []


def test_a_change_that_the_old_worker_took_is_its_own() -> None:
    world = clean_world()
    let_old_worker_take(world)
    row(world, "devicebulkchange", id=REFUSED)["status"] = "ERROR"
    for one in world.tables["m2m_devicechange"]:
        if one["bulkchangeid"] == REFUSED:
            one.update(status="ERROR", errorcode=None, statusdetails="the old worker failed")
    world.tables["outbox"] = [one for one in world.tables["outbox"] if one["bulkchangeid"] != REFUSED]
    assert kinds(world) == set()


def test_a_change_that_was_deleted_may_read_canceled() -> None:
    world = clean_world()
    for device in (one for one in world.tables["m2m_devicechange"] if one["bulkchangeid"] == REFUSED):
        device.update(status="CANCELED", errorcode="CANCELED_BY_USER", haserrors=0)
    row(world, "devicebulkchange", id=REFUSED).update(status="CANCELED")
    assert "wrong status" in kinds(world)
    row(world, "devicebulkchange", id=REFUSED)["isdeleted"] = 1
    assert check(world) == []


def test_a_change_of_two_customers_is_judged_device_by_device() -> None:
    world = clean_world()
    asked = next(one for one in world.history if one["what"] == "asked" and one["n"] == 1)
    asked["others"] = {ICCIDS[1]: {"customer": "4712", "account": 1, "customer_id": "b-guid"}}
    assert {one.iccid for one in check(world) if one.kind in {"line unasked", "line lost"}} == {ICCIDS[1]}


def test_a_violation_is_told_with_what_people_did_in_any_spelling() -> None:
    world = peopled_world()
    ours_for(world, 4, 11_777)
    violation = next(one for one in check(world) if one.kind == "line doubled")
    told = [one for one in history_of(world, violation) if one["what"] == "journal"]
    assert [one.get("by") for one in told] == ["person", None]
    assert violation.said.endswith("(service_created by person at 2026-11-28 11:00:00)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("8914800000000000001", " 8914-8000 00000000-001 F"),
        ("8914800000000000001", 8914800000000000001),
        ("8901260000000000050", "89012600000000000508"),
    ],
)
def test_spellings_of_a_sim_are_the_same_sim(one: object, other: object) -> None:
    assert sim_key(one) == sim_key(other)


@pytest.mark.parametrize("no_sim", [None, "", "F", 8.9148e19, True, "8901-NOT-AN-ICCID", "89\u0661"])
def test_what_is_no_iccid_is_no_sim(no_sim: object) -> None:
    assert sim_key(no_sim) is None


def test_a_phone_number_counts_only_where_a_line_names_no_sim() -> None:
    device = keys_of_device("8914800000000000001", "15550104477")
    assert device & keys_of({"number": "555-010-4477", "number2": None})
    assert not device & keys_of({"number": "5550104477", "number2": "8914800000000000002"})
    assert device & keys_of({"number": "8914800000000000001", "number2": ""})


def test_the_peopled_world_asks_for_every_device_that_it_has() -> None:
    world = peopled_world()
    rows = [one["iccid"] for one in world.tables["m2m_devicechange"] if one["bulkchangeid"] == PEOPLED]
    assert sorted(rows) == [f"89000{device}" for device in range(4, 9)]
    assert NOON in {one["at"] for one in world.journal}


def test_a_line_that_a_blind_filter_let_through_is_a_finding_and_no_violation() -> None:
    world = peopled_world()
    ours_for(world, 4, 11_777)
    ends = {"fault": "12:39:30", "struck": "12:39:50"}
    for what, at in ends.items():
        lie = {"kind": "filters lie", "n": 77, "setting": "empty_filters", "filters": ["number2"]}
        world.history.append({"at": f"2026-11-28T{at}.000+00:00", "what": what, **lie})
    assert "double not reported" in kinds(world)
    assert not {"line beside another customer's", "line beside an unjudged one"} & kinds(world)
    world.history[-1]["at"] = "2026-11-28T12:38:00.000+00:00"
    assert "line doubled" in kinds(world)


def test_blanks_around_a_number_are_not_kept_in_the_mirror() -> None:
    world = peopled_world()
    made(world, 12_001)["service"]["number2"] = " 890004 "
    assert check(world) == []

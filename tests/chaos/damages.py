"""What can go wrong in the world of any run: `kind`, or `kind: how`, with the kind under which the checker reports it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime, timedelta

from chaos.checks.sims import keys_of
from chaos.checks.view import ENDED, View
from chaos.records.world import Row, World

NOON = "2026-11-28T12:00:00.000+00:00"
ABSENT = 987_654_321


class NothingToDamageError(LookupError):
    """The world has no row of the kind that would be damaged."""


def first(rows: Iterable[Row], **where: object) -> Row:
    for row in rows:
        if all(row[name] == value for name, value in where.items()):
            return row
    raise NothingToDamageError(str(where))


def succeeded(world: World) -> Row:
    """A device that was associated by a change somebody asked for, and by no later one."""
    view = View(world)
    processed = [row for row in view.processed if row["bulkchangeid"] in view.asked_for]
    return first(reversed(processed))


def refused(world: World) -> Row:
    return first(world.tables["m2m_devicechange"], status="ERROR")


def with_line(world: World) -> Row:
    """The journal's entry of a line that we made, that still runs, and of whose SIM nobody else made anything."""
    lines, others = View(world).lines, of_others(world)
    return first(
        one
        for one in world.journal
        if one["kind"] == "service_created"
        and not one.get("planted")
        and not lines[one["account"], one["service"]["service_id"]].ended
        and others.isdisjoint(keys_of(one["service"]))
    )


def of_others(world: World) -> set[str]:
    """The SIMs of which people or the scene made lines, by the keys under which lines are found."""
    planted = [entry.get("service") or entry.get("record") or {} for entry in world.journal if entry.get("planted")]
    return {key for record in [*world.seeded, *planted] for key in keys_of(record)}


def mirrored(world: World) -> Row:
    """The mirror's row of that line."""
    service = with_line(world)["service"]
    return first(world.tables["revservice"], revserviceid=service["service_id"], number2=service["number2"])


def owner(world: World) -> Row:
    return first(world.tables["device_tenant"], deviceid=succeeded(world)["deviceid"])


def change_of(world: World, row: Row) -> Row:
    return first(world.tables["devicebulkchange"], id=row["bulkchangeid"])


def event(world: World, what: str, kind: str) -> Row:
    return first(world.history, what=what, kind=kind)


def without(rows: list[Row], gone: Row) -> None:
    rows[:] = [row for row in rows if row is not gone]


def lose_line(world: World) -> None:
    without(world.journal, with_line(world))


def double_line(world: World) -> None:
    second = deepcopy(with_line(world))
    second["service"]["service_id"] = ABSENT
    world.journal.append(second)


def ask_nothing(world: World) -> None:
    iccid = with_line(world)["service"]["number2"]
    for one in View(world).asked.values():
        one["iccids"] = [other for other in one["iccids"] if other != iccid]


def bill_product_twice(world: World) -> None:
    world.journal.append(deepcopy(first(world.journal, kind="product_created")))


def store_twice(world: World) -> None:
    answer = first(one for one in View(world).events("answered", "ask") if one.get("change"))
    world.history.append({**answer, "change": ABSENT})
    change = first(world.tables["devicebulkchange"], id=answer["change"])
    world.tables["devicebulkchange"].append({**change, "id": ABSENT})


def forget_retry(world: World) -> None:
    answers = View(world).events("answered", "retry")
    answer = first(one for one in answers if one["status"] == 200)
    first(world.tables["change_state"], bulkchangeid=answer["change"])["retrynumber"] = 0


def give_to_nobody(world: World) -> None:
    row = owner(world)
    noted = {"tablename": "device_tenant", "rowid": row["id"], "field": "accountnumber", "old": None, "new": "4799"}
    world.tables["noted"].append({**noted, "modifiedby": "somebody", "at": NOON})


def end_twice(world: World) -> None:
    row = {"tablename": "m2m_devicechange", "rowid": succeeded(world)["id"], "field": "status", "modifiedby": None}
    world.tables["noted"].append({**row, "old": "PROCESSED", "new": "CANCELED", "at": NOON})


def lose_message(world: World) -> None:
    message = first(world.history, what="sent", workable=False)["message"]
    world.queue[:] = [one for one in world.queue if one != message]
    world.dead_letters[:] = [one for one in world.dead_letters if one != message]
    world.tables["dead_letter"][:] = [one for one in world.tables["dead_letter"] if one["messageid"] != message]


def succeed_and_say_error(world: World) -> None:
    ended = [one for one in world.tables["devicebulkchange"] if one["status"] == "PROCESSED"]
    first(ended, id=succeeded(world)["bulkchangeid"])["status"] = "ERROR"


def history_of_a_failure(world: World) -> None:
    row = first(row for row in world.tables["m2m_devicechange"] if row["status"] == "ERROR" and row["deviceid"])
    written = first(world.tables["deviceactionhistory"])
    world.tables["deviceactionhistory"].append(
        {**written, "m2mdeviceid": row["deviceid"], "bulkchangeid": row["bulkchangeid"], "iccid": row["iccid"]}
    )


def not_told(world: World) -> None:
    notifications = [one for one in world.tables["outbox"] if one["kind"] == "NOTIFICATION"]
    of_one = [one for one in notifications if one["bulkchangeid"] == first(notifications)["bulkchangeid"]]
    for one in of_one:
        without(world.tables["outbox"], one)


def lose_periods(world: World) -> None:
    device = succeeded(world)["deviceid"]
    kept = [row for row in world.tables["crossproviderdevicehistory"] if row["deviceid"] != device]
    world.tables["crossproviderdevicehistory"][:] = kept


def keep_claim(world: World) -> None:
    ended = {one["id"] for one in world.tables["devicebulkchange"] if one["status"] in ENDED}
    state = first(one for one in world.tables["change_state"] if one["bulkchangeid"] in ended)
    state["claimrunid"] = "run"


def double_line_unasked(world: World) -> None:
    iccid = with_line(world)["service"]["number2"]
    double_line(world)
    for one in View(world).asked.values():
        one["line"] = one["line"] and iccid not in one["iccids"]


def bill_other_product_twice(world: World) -> None:
    line = with_line(world)
    product = {"service_id": line["service"]["service_id"], "product_id": ABSENT}
    entry = {"kind": "product_created", "at": NOON, "account": line["account"], "planted": False, "product": product}
    world.journal += [entry, entry]


def link_to_another_line(world: World) -> None:
    link = mirrored(world)["id"]
    first(world.tables["device_tenant"], revserviceid=None)["revserviceid"] = link


def end_change_often(world: World) -> None:
    change = succeeded(world)["bulkchangeid"]
    noted = {"tablename": "devicebulkchange", "rowid": change, "field": "status", "old": "PROCESSING"}
    world.tables["noted"] += [{**noted, "new": "PROCESSED", "modifiedby": None, "at": NOON}] * 9


def beside(world: World, minutes: float, **about: object) -> None:
    """Let something be there for the SIM of our first line, so long before that line is made."""
    line = with_line(world)
    before = datetime.fromisoformat(line["at"]) - timedelta(minutes=minutes)
    entry = {"at": before.isoformat(), "account": line["account"], "planted": True, **about}
    world.journal.insert(world.journal.index(line), entry)


def line_of_another_customer(world: World) -> None:
    service = {**with_line(world)["service"], "service_id": ABSENT, "customer_id": 4799}
    beside(world, 60, kind="service_created", by="person", service=service)


def record_without_a_customer(world: World) -> None:
    fields = {"service_id": ABSENT, "customer_id": None, "number2": with_line(world)["service"]["number2"]}
    beside(world, 60, kind="record_planted", by="control", record={"key": ABSENT, "fields": fields})


def silent_double(world: World) -> None:
    service = {**with_line(world)["service"], "service_id": ABSENT}
    beside(world, 0.5, kind="service_created", by="person", service=service)
    world.history.append({"at": NOON, "what": "reconciled", "kind": "success"})


def ended(line: Row) -> Row:
    """The journal's entry of a call that disconnects a line."""
    about = {"kind": "service_disconnected", "at": "2099-01-01T00:00:00+00:00", "account": line["account"]}
    return about | {"service": {**line.get("service", line), "disconnected_date": "2099-01-01T00:00:00"}}


def bill_product_of_an_ended_line(world: World) -> None:
    product = first(world.journal, kind="product_created")
    lines = [one for one in world.journal if one["kind"] == "service_created" and one["account"] == product["account"]]
    number = product["product"]["service_id"]
    world.journal.append(ended(first(one for one in lines if one["service"]["service_id"] == number)))


def describe_an_adopted_line(world: World) -> None:
    lines = {line["service_id"]: line for line in world.seeded}
    row = first(row for row in world.tables["revservice"] if row["revserviceid"] in lines)
    row["description"] = "chaos"


def fail_the_device_of_a_line(world: World) -> None:
    iccid = with_line(world)["service"]["number2"]
    for row in world.tables["m2m_devicechange"]:
        if row["iccid"] == iccid:
            row.update(status="API_FAILED", errorcode="REV_REJECTED", statusdetails="Rev.io was not asked")


def call_one_line_ambiguous(world: World) -> None:
    row = first(world.tables["m2m_devicechange"], iccid=with_line(world)["service"]["number2"])
    row.update(status="API_FAILED", errorcode="REV_LINE_AMBIGUOUS")


def take_a_change_of_ours(world: World) -> None:
    states = {one["bulkchangeid"]: one for one in world.tables["change_state"]}
    intent = first(one for one in world.tables["line_intent"] if not states[one["bulkchangeid"]]["retrynumber"])
    world.history.append({"what": "taken", "kind": "change", "at": NOON, "n": 0, "change": intent["bulkchangeid"]})


def kind_of(damage: str) -> str:
    return damage.partition(":")[0]


DAMAGES: dict[str, Callable[[World], object]] = {
    "line lost": lose_line,
    "line doubled": double_line,
    "line unasked": ask_nothing,
    "product wrong": bill_product_twice,
    "mirror without line": lambda world: mirrored(world).update(revserviceid=ABSENT),
    "line without mirror": lambda world: mirrored(world).update(isdeleted=1),
    "mirror differs": lambda world: mirrored(world).update(number2="other"),
    "link wrong": lambda world: first(world.tables["device_tenant"], revserviceid=mirrored(world)["id"]).update(
        revserviceid=None
    ),
    "history row missing": lambda world: without(
        world.tables["deviceactionhistory"], first(world.tables["deviceactionhistory"], changedfield="AccountNumber")
    ),
    "history row too many": lambda world: world.tables["deviceactionhistory"].append(
        first(world.tables["deviceactionhistory"])
    ),
    "failure left a trace": history_of_a_failure,
    "customer unasked": give_to_nobody,
    "association wrong": lambda world: owner(world).update(siteid=None),
    "period wrong": lose_periods,
    "change lost": lambda world: change_of(world, succeeded(world)).update(changerequesttypeid=1),
    "change does not end": lambda world: change_of(world, succeeded(world)).update(status="PROCESSING"),
    "device does not end": lambda world: succeeded(world).update(status="PROCESSING", isprocessed=0),
    "change stored twice": store_twice,
    "retry lost": forget_retry,
    "device still held": lambda world: world.tables["device_lock"].append(
        {"bulkchangeid": succeeded(world)["bulkchangeid"], "deviceid": succeeded(world)["deviceid"]}
    ),
    "call does not end": lambda world: first(world.tables["line_intent"]).update(state="UNKNOWN"),
    "claim kept": keep_claim,
    "still owed": lambda world: first(world.tables["outbox"]).update(sentdate=None),
    "end not told": not_told,
    "device lost": lambda world: succeeded(world).update(isdeleted=1),
    "device invented": lambda world: world.tables["m2m_devicechange"].append({**succeeded(world), "id": ABSENT}),
    "no code or reason": lambda world: refused(world).update(errorcode=None),
    "two final states": end_twice,
    "wrong status": succeed_and_say_error,
    "message vanished": lose_message,
    "line beside another customer's": line_of_another_customer,
    "line beside an unjudged one": record_without_a_customer,
    "double not reported": silent_double,
    "line of others ended": lambda world: world.journal.append(ended(first(world.seeded))),
    "mirror of the request": describe_an_adopted_line,
    "code without cause": call_one_line_ambiguous,
    "two programs": take_a_change_of_ours,
    "line unreported": fail_the_device_of_a_line,
    "product billed on": bill_product_of_an_ended_line,
    "line doubled: and not asked for": double_line_unasked,
    "product wrong: one that was not asked for": bill_other_product_twice,
    "link wrong: to another SIM's line": link_to_another_line,
    "two final states: of a change": end_change_often,
}

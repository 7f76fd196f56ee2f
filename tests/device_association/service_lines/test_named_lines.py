"""A person names the line that is a SIM's where Rev.io does not say it; the next retry adopts that line and creates none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from device_association.bulk_changes.access import PortalUser, Right, find_caller
from device_association.bulk_changes.claims import Claim
from device_association.domain.errors import RequestRefused, RevioRetryable, RevioUnauthorized, StepUnfinished
from device_association.requests.actions import retry_change
from device_association.requests.revert import revert_change
from device_association.revio.lines import Line
from device_association.service_lines import create, plan
from device_association.service_lines.named_lines.naming import NameLine, name_line
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request

SIM, FORMER, OTHER = groups().plain[:3]
ACME, BOREALIS = int(world.ACME), int(world.BOREALIS)
WHY = "swapped by the carrier"
ONE_PRODUCT = {"RevProductIdList": [world.PRODUCT], "RateList": ["4.50"]}


def line(number: int, sim: str | None, customer: int | None = ACME, **more: Any) -> Line:
    return replace(Line(number, customer, None, sim, NOW - timedelta(days=9), None), **more)


def put(flow: Flow, schema: str, name: str, where: dict[str, Any], **values: Any) -> None:
    table = flow.table(schema, name)
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(*(table.c[key] == kept for key, kept in where.items())).values(**values))


def editor(flow: Flow, name: str = "dora.ops") -> PortalUser:
    with flow.portal.connect() as connection:
        return find_caller(connection, name, Right.EDIT)


def name(flow: Flow, change_id: int, service_id: int, iccid: str = SIM, why: str = WHY, who: str = "dora.ops") -> None:
    named = NameLine.model_validate({"ICCID": iccid, "RevServiceId": service_id, "Reason": why})
    name_line(flow.portal, editor(flow, who), change_id, named, now=flow.clock())


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(RequestRefused) as problem:
        work()
    return str(problem.value.refusals[0].code)


def open_again(flow: Flow, change_id: int, run_id: str = "again") -> Claim:
    """Retry a change, and bring it to where its lines are looked at."""
    flow.clock.pass_seconds(120)
    retry_change(flow.portal, editor(flow), change_id, reason="named", now=flow.clock())
    claim = flow.open(change_id, run_id)
    flow.check(claim)
    return claim


def retried(flow: Flow, change_id: int, run_id: str = "again") -> dict[str, str]:
    claim = open_again(flow, change_id, run_id)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    return flow.codes(change_id)


def details(flow: Flow, change_id: int, iccid: str = SIM) -> str:
    (row,) = flow.all("dbo", "m2m_devicechange", bulkchangeid=change_id, iccid=iccid)
    return str(row["statusdetails"])


def said(flow: Flow, change_id: int) -> str:
    log = flow.all("dbo", "devicebulkchangelog", bulkchangeid=change_id)
    return "\n".join(f"{one['processedby']}: {one['responsetext'] or one['errortext'] or ''}" for one in log)


def owner(flow: Flow, service_id: int) -> str:
    (kept,) = flow.all("device_association", "rev_line_owner", revserviceid=service_id)
    return str(kept["iccid"])


def lines_of(flow: Flow, change_id: int) -> list[tuple[str, int | None]]:
    found = flow.all("device_association", "line_intent", bulkchangeid=change_id)
    return [(one["state"], one["revserviceid"]) for one in found if one["state"] != "REJECTED"]


def link_of(flow: Flow, iccid: str) -> int | None:
    """Return Rev.io's id of the line that the device is linked to."""
    (device,) = flow.all("dbo", "device", iccid=iccid)
    (link,) = flow.all("dbo", "device_tenant", deviceid=device["id"], tenantid=world.NORTHWIND)
    mirrored = {one["id"]: one["revserviceid"] for one in flow.all("dbo", "revservice")}
    return None if link["revserviceid"] is None else int(mirrored[link["revserviceid"]])


@pytest.fixture
def swapped(flow: Flow) -> tuple[int, int, int]:
    """Give a line that a change made for one SIM and that has another SIM at Rev.io by now: both changes, and its id.

    The second change, for the SIM that it has now, ended with that SIM's line not clear.
    """
    first = flow.run(request([FORMER])).bulk_change_id
    (made,) = flow.rev.kept
    flow.rev.kept = [replace(made, number=SIM, number2=SIM)]
    flow.clock.pass_seconds(3600)
    second = flow.run(request([SIM])).bulk_change_id
    assert flow.codes(second) == {SIM: "REV_LINE_AMBIGUOUS"}
    assert made.service_id is not None
    return first, second, made.service_id


@pytest.fixture
def two_lines(flow: Flow) -> int:
    """Give a change whose SIM has two active lines at Rev.io."""
    flow.rev.kept = [line(51, SIM), line(52, SIM)]
    change_id = flow.run(request([SIM])).bulk_change_id
    assert flow.codes(change_id) == {SIM: "REV_LINE_AMBIGUOUS"}
    return change_id


# A SIM that was swapped.


def test_a_swapped_sim_stays_in_question_until_somebody_names_its_line(
    flow: Flow, swapped: tuple[int, int, int]
) -> None:
    _, second, service_id = swapped
    assert retried(flow, second, "as before") == {SIM: "REV_LINE_AMBIGUOUS"}
    name(flow, second, service_id)
    assert retried(flow, second) == {SIM: "PROCESSED"}
    assert (flow.rev.posts, lines_of(flow, second)) == (1, [("ADOPTED", service_id)])
    assert (owner(flow, service_id), link_of(flow, SIM), link_of(flow, FORMER)) == (SIM, service_id, None)


def test_the_log_of_both_changes_says_who_gave_the_line_to_whom_and_why(
    flow: Flow, swapped: tuple[int, int, int]
) -> None:
    first, second, service_id = swapped
    name(flow, second, service_id)
    assert f"dora.ops: dora.ops named line {service_id} as this SIM's: {WHY}" in said(flow, second)
    retried(flow, second)
    assert f"line {service_id} adopted" in said(flow, second)
    assert f"dora.ops named it: {WHY}; until now it was the line of SIM {FORMER}" in said(flow, second)
    assert f"bulk change {first}, whose revert does not disconnect it any more" in said(flow, second)
    assert f"line {service_id} is kept as the line of SIM {SIM} from now on" in said(flow, first)


def test_the_change_of_another_customer_that_had_the_line_is_not_named(
    flow: Flow, swapped: tuple[int, int, int]
) -> None:
    first, second, service_id = swapped
    intents = flow.table("device_association", "line_intent")
    with flow.portal.begin() as connection:
        other = {"revcustomerid": str(world.customer_id(world.BOREALIS))}
        connection.execute(update(intents).where(intents.c.bulkchangeid == first).values(**other))
    name(flow, second, service_id)
    retried(flow, second)
    assert "given to it by another bulk change" in said(flow, second)
    assert f"bulk change {first}" not in said(flow, second)


def test_a_revert_of_the_former_change_leaves_the_line_and_says_so(flow: Flow, swapped: tuple[int, int, int]) -> None:
    first, second, service_id = swapped
    name(flow, second, service_id)
    retried(flow, second)
    flow.clock.pass_seconds(60)
    taken_back = revert_change(flow.portal, editor(flow), first, reason="wrong", now=flow.clock()).change_id
    claim = flow.open(taken_back, "back")
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    assert flow.close(claim).codes == {"PROCESSED": 1}
    assert (flow.rev.ends, flow.rev.product_ends, flow.rev.kept[0].disconnected) == ([], [], None)
    (finding,) = flow.all("device_association", "finding", kind="LINE_OF_REVERTED_CHANGE")
    assert f"kept as the line of SIM {SIM}" in finding["detail"]


def test_the_line_is_named_whatever_number_it_carries_and_the_mirror_has_rev_io_s(flow: Flow) -> None:
    flow.rev.kept = [line(51, SIM), line(52, SIM), line(60, "no SIM at all", description="spare", provider_id=77)]
    change_id = flow.run(request([SIM])).bulk_change_id
    name(flow, change_id, 60)
    assert retried(flow, change_id) == {SIM: "PROCESSED"}
    (mirrored,) = flow.all("dbo", "revservice", revserviceid=60)
    assert [mirrored[one] for one in ("number2", "description", "revproviderid")] == ["no SIM at all", "spare", 77]
    assert "provider_id 77 instead of" in said(flow, change_id)
    assert (owner(flow, 60), link_of(flow, SIM), flow.rev.posts) == (SIM, 60, 0)


# Several lines.


def test_of_several_lines_the_named_one_is_adopted_and_the_others_stay_and_are_named(
    flow: Flow, two_lines: int
) -> None:
    before = list(flow.rev.kept)
    name(flow, two_lines, 52)
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}
    assert (lines_of(flow, two_lines), flow.rev.kept, flow.rev.posts) == ([("ADOPTED", 52)], before, 0)
    assert "also active for this SIM, and left as they are: 51" in said(flow, two_lines)


def test_the_customer_s_lines_in_the_mirror_do_not_refuse_a_device_whose_line_was_named(
    flow: Flow, two_lines: int
) -> None:
    mirror(flow, 51, world.ACME)
    name(flow, two_lines, 52)
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}


def test_another_customer_s_line_in_the_mirror_refuses_a_device_whose_line_was_named(
    flow: Flow, two_lines: int
) -> None:
    mirror(flow, 51, world.BOREALIS)
    name(flow, two_lines, 52)
    retry_change(flow.portal, editor(flow), two_lines, reason="named", now=flow.clock())
    assert flow.codes(two_lines) == {SIM: "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER"}


def mirror(flow: Flow, service_id: int, customer: str) -> None:
    values = {"revserviceid": service_id, "number2": SIM, "revcustomerid": str(world.customer_id(customer))}
    values |= {"integrationauthenticationid": world.ACCOUNT, "createdby": "test", "createddate": NOW}
    with flow.portal.begin() as connection:
        connection.execute(flow.table("dbo", "revservice").insert().values(**values, isactive=1, isdeleted=0))


def test_a_stopped_retry_leaves_the_line_to_whom_it_belonged(flow: Flow, swapped: tuple[int, int, int]) -> None:
    _, second, service_id = swapped
    name(flow, second, service_id)
    claim = open_again(flow, second)
    flow.plan(claim)
    flow.stop(claim, "CANCELED_BY_USER", "not now")
    assert flow.lines(claim) == [{"stopped": 1}]
    assert owner(flow, service_id) == FORMER
    assert flow.close(claim).codes == {"CANCELED_BY_USER": 1}
    assert retried(flow, second, "after all") == {SIM: "PROCESSED"}
    assert owner(flow, service_id) == SIM


def test_products_are_added_to_a_named_line_and_only_once(flow: Flow) -> None:
    flow.rev.kept = [line(51, SIM), line(52, SIM)]
    change_id = flow.run(request([SIM], **ONE_PRODUCT)).bulk_change_id
    name(flow, change_id, 52)
    retried(flow, change_id)
    assert [body["service_id"] for body in flow.rev.products_kept] == [52]


# A named line that cannot be the SIM's.

UNFIT = {
    "gone": (None, "REV_LINE_AMBIGUOUS", "is not at Rev.io"),
    "disconnected": (line(60, SIM, disconnected=NOW), "REV_LINE_AMBIGUOUS", "was disconnected at 2026-11-24 12:00 UTC"),
    "ending": (
        line(60, SIM, disconnected=NOW + timedelta(days=3)),
        "REV_LINE_AMBIGUOUS",
        "is to be disconnected at 2026-11-27 12:00 UTC",
    ),
    "another customer's": (line(60, SIM, BOREALIS), "REV_LINE_OF_OTHER_CUSTOMER", "is another customer's at Rev.io"),
    "nobody's": (line(60, SIM, None), "REV_LINE_AMBIGUOUS", "has no customer_id at Rev.io that can be read"),
}


@pytest.mark.parametrize("case", UNFIT)
@pytest.mark.parametrize("others", [0, 2])
def test_a_named_line_that_cannot_be_the_sim_s_ends_the_row_with_what_is_wrong_with_it(
    flow: Flow, two_lines: int, case: str, others: int
) -> None:
    named, code, text = UNFIT[case]
    name(flow, two_lines, 60)
    flow.rev.kept = [*flow.rev.kept[:others], *([named] if named else [])]
    assert retried(flow, two_lines) == {SIM: code}
    assert details(flow, two_lines).startswith(f"{code}: line 60, which dora.ops named as this SIM's, {text}")
    assert "Borealis" not in details(flow, two_lines)
    assert (flow.rev.posts, lines_of(flow, two_lines)) == (0, [])
    assert flow.all("device_association", "rev_line_owner", revserviceid=60) == []


def test_a_naming_that_was_wrong_is_corrected_by_another(flow: Flow, two_lines: int) -> None:
    flow.rev.kept.append(line(60, SIM, BOREALIS))
    name(flow, two_lines, 60)
    assert retried(flow, two_lines, "wrong") == {SIM: "REV_LINE_OF_OTHER_CUSTOMER"}
    name(flow, two_lines, 51)
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}
    assert "line 60, which dora.ops had named, does not count any more" in said(flow, two_lines)


def test_the_only_line_that_is_left_is_adopted_where_the_named_one_was_disconnected(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 52)
    flow.rev.kept = [flow.rev.kept[0], replace(flow.rev.kept[1], disconnected=NOW)]
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}
    assert lines_of(flow, two_lines) == [("ADOPTED", 51)]


def test_while_rev_io_does_not_answer_for_the_named_line_nothing_is_decided(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 52)
    asked = flow.rev.line

    def silent(_: int) -> Line | None:
        raise RevioRetryable("503", status=503)

    flow.rev.line = silent
    claim = open_again(flow, two_lines)
    with pytest.raises(StepUnfinished):
        flow.lines(claim)
    flow.rev.line = asked
    assert flow.lines(claim) == [{"adopted": 1}]
    assert flow.rev.posts == 0


def test_credentials_that_are_refused_for_the_named_line_stop_the_change(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 52)

    def refused(_: int) -> Line | None:
        raise RevioUnauthorized("401", status=401)

    flow.rev.line = refused
    claim = open_again(flow, two_lines)
    assert flow.lines(claim) == [{"stopped": 1}]
    assert flow.close(claim).codes == {"REV_UNAUTHORIZED": 1}


def test_a_sim_without_any_line_of_its_own_gets_none_beside_the_named_one(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 60)
    flow.rev.kept = [line(60, OTHER)]
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}
    assert (flow.rev.posts, owner(flow, 60)) == (0, SIM)


# Who names it, and when.


def test_a_line_that_was_named_twice_is_the_one_of_the_last_naming(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 51, why="a guess")
    name(flow, two_lines, 52, why="looked at the invoice")
    assert retried(flow, two_lines) == {SIM: "PROCESSED"}
    assert lines_of(flow, two_lines) == [("ADOPTED", 52)]
    assert "a guess" in said(flow, two_lines)


def test_a_line_that_was_named_for_two_sims_goes_to_the_later_one(flow: Flow) -> None:
    flow.rev.kept = [line(51, SIM), line(52, SIM), line(53, OTHER), line(54, OTHER)]
    change_id = flow.run(request([SIM, OTHER])).bulk_change_id
    name(flow, change_id, 51)
    name(flow, change_id, 51, OTHER)
    assert retried(flow, change_id) == {SIM: "REV_LINE_AMBIGUOUS", OTHER: "PROCESSED"}
    assert "was named for another SIM since" in details(flow, change_id)
    assert owner(flow, 51) == OTHER


def test_a_line_is_not_taken_from_a_sim_that_another_run_is_just_giving_it_to(
    flow: Flow, swapped: tuple[int, int, int]
) -> None:
    first, second, service_id = swapped
    name(flow, second, service_id)
    claim = open_again(flow, second)
    put(flow, "dbo", "m2m_devicechange", {"bulkchangeid": first}, status="PROCESSING", isprocessed=0)
    assert flow.lines(claim) == [{"rejected": 1}]
    flow.close(claim)
    assert "just being given to SIM" in details(flow, second)
    assert owner(flow, service_id) == FORMER


def test_two_editors_at_once_leave_one_naming_and_two_log_rows(flow: Flow, two_lines: int) -> None:
    with ThreadPoolExecutor(2) as both:
        asked = [both.submit(name, flow, two_lines, number) for number in (51, 52)]
        assert [one.result() for one in asked] == [None, None]
    (kept,) = flow.all("device_association", "named_line")
    steps = [one["logentrydescription"] for one in flow.all("dbo", "devicebulkchangelog", bulkchangeid=two_lines)]
    assert steps.count("name_line") == 2
    assert "does not count any more" in said(flow, two_lines)
    retried(flow, two_lines)
    assert lines_of(flow, two_lines) == [("ADOPTED", kept["revserviceid"])]


def test_a_retry_that_dies_between_adoption_and_association_is_ended_by_the_next_run(
    flow: Flow, swapped: tuple[int, int, int]
) -> None:
    _, second, service_id = swapped
    name(flow, second, service_id)
    dead = open_again(flow, second, "dies")
    flow.lines(dead)
    heir = flow.open(second, "heir", lives=lambda _: False)
    flow.check(heir)
    flow.lines(heir)
    flow.associate(heir)
    assert flow.close(heir).codes == {"PROCESSED": 1}
    assert lines_of(flow, second) == [("ADOPTED", service_id)]
    assert said(flow, second).count("adopted") == 1


def test_a_call_of_unknown_outcome_is_waited_for_before_a_named_line_is_adopted(flow: Flow, two_lines: int) -> None:
    name(flow, two_lines, 60)
    flow.rev.kept = [line(60, "another number")]
    claim = open_again(flow, two_lines)
    numbers = plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    unknown = {"state": "UNKNOWN", "unknownsince": flow.clock()}
    put(flow, "device_association", "line_intent", {"bulkchangeid": two_lines, "state": "PLANNED"}, **unknown)
    with pytest.raises(StepUnfinished):
        create.create_rev_services(flow.context(claim), numbers[0], last_try=False)
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    assert create.create_rev_services(flow.context(claim), numbers[0], last_try=False) == {"adopted": 1}
    assert (flow.rev.posts, owner(flow, 60)) == (0, SIM)


def test_a_line_is_named_only_where_it_is_in_question_and_the_change_has_ended(flow: Flow, two_lines: int) -> None:
    waiting = flow.create(request([OTHER])).change_id
    assert refused(lambda: name(flow, waiting, 51, OTHER)) == "CHANGE_NOT_ENDED"
    assert refused(lambda: name(flow, two_lines, 51, OTHER)) == "DEVICE_NOT_FOUND"
    assert refused(lambda: name(flow, 10**9, 51)) == "BULK_CHANGE_NOT_FOUND"
    done = flow.run(request([FORMER])).bulk_change_id
    assert refused(lambda: name(flow, done, 51, FORMER)) == "LINE_NOT_IN_QUESTION"
    name(flow, two_lines, 51)
    retried(flow, two_lines)
    assert refused(lambda: name(flow, two_lines, 52)) == "LINE_NOT_IN_QUESTION"
    revert_change(flow.portal, editor(flow), done, reason="wrong", now=flow.clock())
    assert refused(lambda: name(flow, done, 51, FORMER)) == "CHANGE_REVERTED"

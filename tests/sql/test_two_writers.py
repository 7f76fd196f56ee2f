"""Two at once, each with a connection of its own: what is to be had once, one gets, and nobody sees an error.

Each guarantee is tried 50 times. SQL Server's lock hints only make a retry rarer: correctness rests on unique keys and
conditional updates, so that these tests hold on an engine that ignores the hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text

from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.locks import insert_state
from device_association.bulk_changes.steps import log_change_step, record_step
from device_association.bulk_changes.stops import insert_stop
from device_association.database.execution import changed, in_transaction, run
from device_association.database.tables.portal_changes import device_bulk_change
from device_association.database.tables.portal_tenants import portal_user, tenant
from device_association.domain.encoding import as_json
from device_association.domain.errors import ClaimLost
from device_association.service_lines.journal.calls import begin_calls
from device_association.service_lines.plan import plan_rev_services
from local.sample_data import groups, world
from local.sample_data.portal_tables import named
from tests.flow import NOW, Flow, request

PLAIN = groups().plain
TIMES = 50
SHARED = 4


@pytest.fixture
def pair() -> Iterator[Callable[..., list[Any]]]:
    """Give a function that starts two pieces of work at the same moment and returns what each returned or raised."""
    barrier = Barrier(2, timeout=30)

    def start(work: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return work()
        except ClaimLost as lost:
            return lost

    with ThreadPoolExecutor(2) as pool:
        yield lambda *both: list(pool.map(start, both))


def once(engine: Engine, statement: str, **binds: Any) -> Callable[[], int]:
    return lambda: in_transaction(engine, lambda connection: changed(connection, statement, **binds))


def count(engine: Engine, table: str, **where: Any) -> int:
    columns = named(table, *where)
    with engine.connect() as connection:
        found = connection.execute(
            columns.select()
            .with_only_columns(text("1"))
            .where(*(columns.c[name] == value for name, value in where.items()))
        )
        return len(found.all())


def test_two_changes_that_share_devices_never_both_get_one(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        shared = PLAIN[number * 10 : number * 10 + SHARED]
        first, second = [*shared, PLAIN[1000 + number]], [PLAIN[1500 + number], *reversed(shared)]
        changes = pair(
            lambda asked=first: flow.create(request(asked, CreateRevService=False)).change_id,
            lambda asked=second: flow.create(request(asked, CreateRevService=False)).change_id,
        )
        codes = [flow.codes(change) for change in changes]
        holders = {hold["deviceid"]: hold["bulkchangeid"] for hold in flow.all("device_association", "device_lock")}
        details = [
            {one["iccid"]: one["statusdetails"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=change)}
            for change in changes
        ]
        for iccid in shared:
            told = sorted(found[iccid] for found in codes)
            assert told == ["DEVICE_IN_OTHER_CHANGE", "NEW"]
            winner = changes[0] if codes[0][iccid] == "NEW" else changes[1]
            assert holders[PLAIN.index(iccid) + 1] == winner
            loser = details[1] if winner == changes[0] else details[0]
            assert f"bulk change {winner} is at work on this device" in loser[iccid]
        assert [codes[0][first[-1]], codes[1][second[0]]] == ["NEW", "NEW"]


def test_a_change_is_claimed_by_one_of_two_runs(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        change = flow.create(request([PLAIN[number]], CreateRevService=False)).change_id
        ended = pair(lambda change=change: flow.open(change, "one"), lambda change=change: flow.open(change, "two"))
        (winner,) = [claim.run_id for claim in ended if isinstance(claim, Claim)]
        (lost,) = [said for said in ended if isinstance(said, ClaimLost)]
        assert f"held by run {winner}" in str(lost)
        (state,) = flow.all("device_association", "change_state", bulkchangeid=change)
        assert state["claimrunid"] == winner


def test_a_change_that_the_portal_wrote_is_opened_by_one_of_two_runs(
    flow: Flow, pair: Callable[..., list[Any]]
) -> None:
    for _ in range(TIMES):
        change = _portals_change(flow)
        ended = pair(lambda change=change: flow.open(change, "one"), lambda change=change: flow.open(change, "two"))
        assert sorted(type(one).__name__ for one in ended) == ["Claim", "ClaimLost"]
        assert count(flow.portal, "device_association.change_state", BulkChangeId=change) == 1


def test_a_run_of_the_form_that_comes_twice_creates_one_change(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        sent, run_id = request([PLAIN[number]], CreateRevService=False), f"manual__{number}"
        one, two = pair(*[lambda sent=sent, run_id=run_id: flow.create(sent, run_id=run_id)] * 2)
        assert one == two
        assert count(flow.portal, "device_association.change_state", RunKey=run_id) == 1


def test_what_is_owed_twice_at_once_is_owed_once(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    change = flow.create(request(PLAIN[:1], CreateRevService=False)).change_id
    for number in range(1, TIMES + 1):
        owe = once(
            flow.portal,
            "messaging/insert_outbox",
            kind="MESSAGE",
            bulk_change_id=change,
            retry_number=number,
            payload="{}",
            now=NOW,
        )
        assert sorted(pair(owe, owe)) == [0, 1]
        assert count(flow.portal, "device_association.outbox", BulkChangeId=change, RetryNumber=number) == 1


def test_terms_that_are_kept_twice_at_once_are_kept_once(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    change = flow.create(request(PLAIN[:1], CreateRevService=False)).change_id
    (kept,) = flow.all("device_association", "request_terms", bulkchangeid=change)
    columns = "rev_customer_id create_rev_service service_type_id provider_id usage_plan_group_id rev_package_id "
    columns += "rev_product_id_list rate_list prorate description add_carrier_rate_plan carrier_rate_plan comm_plan "
    columns += "add_customer_rate_plan customer_rate_plan_id customer_rate_pool_id customer_data_allocation_mb"
    binds = {name: kept[name.replace("_", "")] for name in columns.split()}
    for number in range(TIMES):
        terms_hash = f"{number:064}"
        keep = once(flow.portal, "requests/insert_terms", bulk_change_id=change, terms_hash=terms_hash, **binds)
        assert sorted(pair(keep, keep)) == [0, 1]
        assert count(flow.portal, "device_association.request_terms", TermsHash=terms_hash) == 1


def test_one_of_two_stops_is_kept(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        both = [
            once(
                flow.portal,
                "bulk_changes/insert_stop",
                bulk_change_id=1,
                retry_number=number,
                code=code,
                actor="dora.ops",
                reason="enough",
                now=NOW,
            )
            for code in ("STOPPED", "CANCELED_BY_USER")
        ]
        kept = pair(*both)
        assert sorted(kept) == [0, 1]
        (stop,) = flow.all("device_association", "change_stop", retrynumber=number)
        assert stop["code"] == ("STOPPED", "CANCELED_BY_USER")[kept.index(1)]


def test_a_line_gets_one_of_two_sims(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        both = [
            once(
                flow.portal,
                "service_lines/own_lines",
                lines=as_json([{"account_id": world.ACCOUNT, "service_id": 70_000 + number, "number2": iccid}]),
                now=NOW,
            )
            for iccid in PLAIN[:2]
        ]
        kept = pair(*both)
        assert sorted(kept) == [0, 1]
        (owner,) = flow.all("device_association", "rev_line_owner", revserviceid=70_000 + number)
        assert owner["iccid"] == PLAIN[kept.index(1)]


def test_a_line_that_two_mirror_at_once_is_mirrored_once(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        mirror = _mirroring(flow.portal, 71_000 + number)
        pair(mirror, mirror)
        assert count(flow.portal, "dbo.RevService", RevServiceId=71_000 + number) == 1


def test_one_of_two_workers_calls_for_a_sim(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    claim = flow.open(flow.create(request(PLAIN[:TIMES])).change_id)
    flow.check(claim)
    plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    intents = flow.all("device_association", "line_intent", bulkchangeid=claim.bulk_change_id)
    assert len(intents) == TIMES
    for intent in intents:
        about = ("revio_northwind", {intent["id"]: None})
        began = pair(
            *(partial(begin_calls, replace(flow.context(claim), owner=owner), *about) for owner in ("one", "two"))
        )
        assert sorted(began, key=len) == [set(), {intent["id"]}]
        (called,) = flow.all("device_association", "line_intent", id=intent["id"])
        assert (called["state"], called["calls"]) == ("CALLING", 1)
        assert called["leaseowner"] == ("one", "two")[began.index({intent["id"]})]


def test_two_runs_of_a_step_at_once_leave_one_row_of_it(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for number in range(TIMES):
        claim = Claim(1, number, "one", "dora.ops")

        def record(connection: Connection, claim: Claim = claim) -> None:
            record_step(connection, claim, "check_data", {}, started=NOW, began=perf_counter())

        pair(*[lambda record=record: in_transaction(flow.portal, record)] * 2)
        assert count(flow.portal, "device_association.change_step", RetryNumber=number) == 1


def test_a_change_that_two_find_without_a_state_gets_one(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    for _ in range(TIMES):
        change = _portals_change(flow)
        names = ("dora.ops", "omar.ops")

        def give(connection: Connection, actor: str, change: int = change) -> int:
            insert_state(connection, change, actor=actor, now=NOW)
            return changed(connection, "bulk_changes/lock_state", bulk_change_id=change)

        work = [partial(in_transaction, flow.portal, partial(give, actor=name)) for name in names]
        assert pair(*work) == [1, 1]
        (state,) = flow.all("device_association", "change_state", bulkchangeid=change)
        assert state["actor"] in names


def test_what_was_written_before_a_stop_that_lost_is_there_once(flow: Flow, pair: Callable[..., list[Any]]) -> None:
    change = flow.create(request(PLAIN[:1], CreateRevService=False)).change_id
    for number in range(TIMES):
        steps = [f"{name} {number}" for name in ("one", "two")]

        def stop(connection: Connection, step: str, number: int = number) -> None:
            log_change_step(connection, change, step, actor="dora.ops", now=NOW)
            insert_stop(connection, change, number, "STOPPED", step, actor="dora.ops", now=NOW)

        pair(*(partial(in_transaction, flow.portal, partial(stop, step=step)) for step in steps))
        (kept,) = flow.all("device_association", "change_stop", bulkchangeid=change, retrynumber=number)
        assert kept["reason"] in steps
        for step in steps:
            assert count(flow.portal, "dbo.DeviceBulkChangeLog", BulkChangeId=change, LogEntryDescription=step) == 1


def _portals_change(flow: Flow) -> int:
    asked = {"ChangeRequestTypeId": 4, "ServiceProviderId": world.JASPER, "TenantId": world.NORTHWIND, "Status": "NEW"}
    with flow.portal.begin() as connection:
        connection.execute(insert(device_bulk_change).values(asked))
        return int(connection.scalar(text("SELECT MAX(id) FROM dbo.DeviceBulkChange")) or 0)


def _mirroring(engine: Engine, service_id: int) -> Callable[[], None]:
    empty = ("number", "activated_date")
    line = {
        "service_id": service_id,
        "customer_id": world.customer_id(world.ACME),
        "number2": PLAIN[0],
        "account_id": world.ACCOUNT,
        **dict.fromkeys(empty),
    }

    def mirror(connection: Connection) -> None:
        run(
            connection,
            "service_lines/insert_rev_services",
            lines=as_json([line]),
            is_listed=0,
            actor="dora.ops",
            now=NOW,
        )

    return lambda: in_transaction(engine, mirror)


def test_a_key_that_another_writer_took_is_tried_again_as_a_whole_transaction(empty_portal: Engine) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(insert(tenant).values(Name="Northwind"))
        own = connection.scalar(text("SELECT MAX(id) FROM dbo.Tenant"))
        for _ in range(2 if len(tries) == 1 else 1):
            connection.execute(insert(portal_user).values(UserName="dora", TenantId=own))

    in_transaction(empty_portal, work)
    assert len(tries) == 2
    assert count(empty_portal, "dbo.PortalUser", UserName="dora") == 1
    assert count(empty_portal, "dbo.Tenant", Name="Northwind") == 1

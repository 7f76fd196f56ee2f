"""One thing that cannot be done is reported and stops no other: in every loop that goes through many."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from device_association.associations import associate as associations
from device_association.associations.rate_plans import Interval as Hours
from device_association.associations.rate_plans import apply_due_plans
from device_association.bulk_changes import claims
from device_association.bulk_changes.access import find_caller
from device_association.data_checks.gate import load_frame
from device_association.database.dialects import to_driver
from device_association.domain.codes import ChangeStatus
from device_association.domain.errors import (
    ConfigurationError,
    RecordUnreadable,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)
from device_association.findings.one_by_one import OneByOne
from device_association.maintenance import retention
from device_association.maintenance import sweep as sweeping
from device_association.maintenance.dead_letters import look, redrive
from device_association.messaging import messages, outbox
from device_association.monitoring import alerts, health
from device_association.monitoring.snapshot import read_figures
from device_association.reconciliation.accounts import Interval, reconcile_account
from device_association.reconciliation.changes import repair_changes
from device_association.requests import approvals
from device_association.requests.revert import revert_change
from device_association.revio.accounts import Account
from device_association.revio.client import Product, RevioClient
from device_association.revio.lines import Line, line_of
from device_association.revio.listings import Listing
from device_association.revio.transport import Answer
from device_association.service_lines import in_doubt, plan
from device_association.service_lines.create import create_rev_services
from device_association.service_lines.lookups.sims import SliceLooks
from device_association.service_lines.lookups.snapshot import RevAccount
from local.sample_data import groups, world
from tests.differences import Differences
from tests.flow import NOW, Flow, Rev, request
from tests.outcomes import Committed, findings

PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}
OTHER_ACCOUNTS = str(world.customer_id(world.TWICE, world.SECOND_ACCOUNT))
BRACKETS = "[" * 20_000


@contextmanager
def poisoned(engine: Engine, part: str, **binds: Any) -> Iterator[None]:
    """Let each statement with this text and these binds fail, as one that meets a row which it cannot read or write."""

    def fail(_connection: Any, _cursor: Any, statement: str, sent: Any, _context: Any, _many: bool) -> None:
        if part in statement and all(sent.get(name) == value for name, value in binds.items()):
            raise ValueError("poison")

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


def ended_unknown(flow: Flow, devices: list[str], rev: Rev | None = None, **asked: Any) -> int:
    """Return a change that ended without knowing what became of its calls; Rev.io showed nothing of them yet."""
    usual, flow.rev = flow.rev, rev or flow.rev
    flow.rev.refusing = {one: [Committed("time-out")] for one in devices}
    shown, flow.rev.lines = flow.rev.lines, lambda **_: Listing(())
    claim = flow.open(flow.create(request(devices, **asked)).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    flow.associate(claim)
    flow.close(claim)
    flow.rev.lines, flow.rev = shown, usual
    assert set(flow.codes(claim.bulk_change_id).values()) == {"REV_OUTCOME_UNKNOWN"}
    return claim.bulk_change_id


def settle(flow: Flow, clients: Any = None) -> dict[str, int]:
    return in_doubt.settle_outcomes(flow.portal, clients or (lambda _: flow.rev), flow.settings, flow.clock)


def execute(flow: Flow, statement: str, **binds: Any) -> None:
    with flow.portal.begin() as connection:
        connection.execute(text(statement), {name: to_driver(value) for name, value in binds.items()})


def row_of(flow: Flow, iccid: str) -> int:
    return int(flow.all("dbo", "m2m_devicechange", iccid=iccid)[-1]["id"])


# The sweep: calls whose outcome is not known.


def refuse_for(monkeypatch: pytest.MonkeyPatch, poison: str, error: Exception) -> None:
    """Let the look-up of one SIM fail."""
    usual = SliceLooks.look_up

    def look_up(looks: SliceLooks, device: Any) -> Any:
        if device.iccid == poison:
            raise error
        return usual(looks, device)

    monkeypatch.setattr(SliceLooks, "look_up", look_up)


@pytest.mark.parametrize(
    "error",
    [RevioRejected("GET 400", status=400), KeyError("now"), ConfigurationError("customer number 'x' is no number")],
)
def test_a_look_up_that_fails_is_a_finding_and_every_other_call_is_looked_up(
    flow: Flow, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in PLAIN[:3]:
        ended_unknown(flow, [one])
    refuse_for(monkeypatch, PLAIN[0], error)
    assert settle(flow) == {"found": 2, "still_open": 1, "tried_again": 2}
    assert findings(flow) == [("LOOK_UP_FAILED", f"row {row_of(flow, PLAIN[0])}")]
    assert {one.name for one in health.checks(read_figures(flow.portal, now=flow.clock())) if one.is_on} >= {
        "findings_open"
    }
    monkeypatch.undo()
    assert settle(flow)["found"] == 1
    assert findings(flow) == []


@pytest.mark.parametrize(
    "unusable",
    [
        RevioRetryable("GET /v1/Services goes on without an end after 5 pages", status=200),
        Listing((), is_stable=False),
    ],
)
def test_a_customer_s_list_that_cannot_be_used_makes_its_account_not_silent(flow: Flow, unusable: Any) -> None:
    ended_unknown(flow, [PLAIN[0]])
    flow.clock.pass_seconds(1)
    ended_unknown(flow, [PLAIN[1]], RevCustomerId=world.BOREALIS)
    flow.rev.kept.append(Line(8, int(world.ACME), None, "a SIM of nobody's", NOW - timedelta(days=30), None))
    shown = flow.rev.lines

    def lines(**filters: Any) -> Listing:
        if filters.get("customer_id") != int(world.ACME):
            return shown(**filters)
        if isinstance(unusable, Exception):
            raise unusable
        return unusable

    flow.rev.lines = lines
    assert settle(flow) == {"found": 1, "still_open": 1, "tried_again": 1}
    assert findings(flow) == [("LOOK_UP_FAILED", f"row {row_of(flow, PLAIN[0])}")]
    flow.rev.lines = shown
    assert settle(flow)["found"] == 1
    assert findings(flow) == []


def test_a_found_line_of_a_device_without_any_date_is_recorded(flow: Flow) -> None:
    execute(flow, "UPDATE dbo.Device SET DateActivated = NULL")
    execute(flow, "DELETE FROM dbo.DeviceStatusHistory")
    ended_unknown(flow, list(PLAIN[:2]), Prorate=True)
    assert settle(flow) == {"found": 2, "tried_again": 2}


def test_a_row_that_stays_open_lets_the_others_of_its_account_have_their_turn(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_doubt, "MAX_LOOK_UPS", 2)
    ended_unknown(flow, list(PLAIN[:4]))
    for poison in PLAIN[:2]:
        refuse_for(monkeypatch, poison, RevioRejected("GET 400", status=400))
    found = []
    for _ in range(2):
        flow.clock.pass_seconds(120)
        found.append(settle(flow).get("found", 0))
    assert found == [0, 2]


def test_an_account_of_refused_credentials_takes_no_other_account_its_look_ups(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_doubt, "MAX_LOOK_UPS", 4)
    ended_unknown(flow, list(PLAIN[:6]))
    other = Rev()
    flow.clock.pass_seconds(60)
    ended_unknown(flow, list(PLAIN[6:8]), other, RevCustomerId=OTHER_ACCOUNTS)

    def refused(**_: Any) -> Any:
        raise RevioUnauthorized("401", status=401)

    flow.rev.lines = refused
    with pytest.raises(RevioUnauthorized):
        settle(flow, lambda name: flow.rev if name == "revio_northwind" else other)
    known = [one["iccid"] for one in flow.all("device_association", "line_intent") if one["state"] == "CREATED"]
    assert sorted(known) == sorted(PLAIN[6:8])


def test_an_account_whose_connection_is_missing_takes_no_other_account_its_look_ups(flow: Flow) -> None:
    ended_unknown(flow, list(PLAIN[:2]))
    other = Rev()
    ended_unknown(flow, list(PLAIN[6:8]), other, RevCustomerId=OTHER_ACCOUNTS)

    def clients(name: str) -> Rev:
        if name == "revio_northwind":
            raise ConfigurationError("Airflow has no connection 'revio_northwind'")
        return other

    assert settle(flow, clients)["found"] == 2
    assert [kind for kind, _ in findings(flow)] == ["LOOK_UP_FAILED"] * 2


def test_a_call_whose_customer_is_gone_is_reported_until_somebody_has_looked(flow: Flow) -> None:
    ended_unknown(flow, list(PLAIN[:2]))
    execute(
        flow,
        "UPDATE device_association.line_intent SET RevCustomerId = :gone WHERE ICCID = :iccid",
        gone="00000000-0000-0000-0000-00000000dead",
        iccid=PLAIN[0],
    )
    assert settle(flow)["found"] == 1
    flow.clock.pass_seconds(60)
    sweeping.close_overdue(flow.portal, run_id="sweep", is_run_active=lambda _: True, clock=flow.clock)
    assert [kind for kind, _ in findings(flow)] == ["LOOK_UP_FAILED"]


def test_a_change_that_cannot_be_retried_keeps_no_other_from_its_retry(flow: Flow) -> None:
    first, second = ended_unknown(flow, list(PLAIN[:1])), ended_unknown(flow, list(PLAIN[1:2]))
    with poisoned(flow.portal, "UPDATE dbo.DeviceBulkChange", bulk_change_id=first):
        assert settle(flow)["tried_again"] == 1
    assert findings(flow) == [("WORK_FAILED", f"retry of late lines: bulk change {first}")]
    flow.clock.pass_seconds(120)
    assert settle(flow)["tried_again"] == 1
    assert findings(flow) == []
    assert {one["status"] for one in flow.all("dbo", "devicebulkchange") if one["id"] in (first, second)} == {"NEW"}


# What Rev.io's records hold.


class Answers:
    """Stands for the wire: every call is answered with the same; a text is sent as it is."""

    def __init__(self, status: int, body: object) -> None:
        self.answer = Answer(status, {}, (body if isinstance(body, str) else json.dumps(body)).encode())

    def send(self, *_: Any) -> Answer:
        return self.answer


def client(status: int, body: object) -> RevioClient:
    account = Account("revio_northwind", "https://rev.example", "a@b", "secret", "key")
    wire: Any = Answers(status, body)
    return RevioClient(account, transport=wire)


def test_a_record_that_no_database_keeps_fails_no_change_of_its_customer(flow: Flow) -> None:
    odd = ["\0", f"{PLAIN[0]}\0", "\ud800x", "9" * 400, "\U0001f600" * 200]
    records = [
        {"service_id": 50_000 + n, "customer_id": int(world.ACME), "number": one, "number2": one}
        for n, one in enumerate(odd)
    ]
    rev = client(200, {"ok": True, "records": records, "has_more": False})
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    flow.check(claim)
    assert len(plan.plan_rev_services(flow.portal, claim, lambda _: rev, flow.settings, clock=lambda: NOW)) == 2
    kept = {one["revserviceid"]: one["number2"] for one in flow.all("device_association", "revio_snapshot_line")}
    assert kept == {50_000: None, 50_001: PLAIN[0], 50_002: "x", 50_003: "9" * 255, 50_004: "\U0001f600" * 127}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 5000, "1e30"])
@pytest.mark.parametrize("name", ["service_id", "customer_id", "number", "number2", "created_date", "package_id"])
def test_a_number_that_is_none_costs_no_change_of_its_account_the_call(flow: Flow, name: str, number: str) -> None:
    record = {"service_id": 50_000, "customer_id": int(world.ACME), "number": "1", "number2": None, name: "NUMBER"}
    listed = json.dumps({"ok": True, "records": [record], "has_more": False}).replace('"NUMBER"', number)
    rev = client(200, listed)
    claim = flow.open(flow.create(request(PLAIN[:1])).change_id)
    flow.check(claim)
    assert plan.plan_rev_services(flow.portal, claim, lambda _: rev, flow.settings, clock=flow.clock) == [0]
    kept = [Line.from_record(one["record"]) for one in flow.all("device_association", "unjudged_line")]
    assert [one.key for one in kept] == [one.key for one in rev.lines() if one.flaw()]
    assert bool(kept) == (name in {"service_id", "customer_id", "number", "number2"})


@pytest.mark.parametrize(
    ("zone", "date"),
    [
        ("America/New_York", datetime(1, 1, 1, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(9999, 12, 31, 23, tzinfo=UTC)),
        (None, datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_activation_date_that_stands_for_none_costs_no_device_its_line(
    flow: Flow, zone: str | None, date: datetime
) -> None:
    execute(flow, "UPDATE dbo.Tenant SET TimeZone = :zone", zone=zone)
    execute(flow, "UPDATE dbo.Device SET DateActivated = :date WHERE ICCID = :iccid", date=date, iccid=PLAIN[0])
    assert flow.run(request(PLAIN[:2], Prorate=True)).codes == {"PROCESSED": 2}
    assert flow.rev.kept[0].activated is None


def test_an_activation_date_in_the_year_1_stops_no_change_at_the_data_checks(flow: Flow) -> None:
    year_1 = datetime(1, 1, 1, tzinfo=UTC)
    execute(flow, "UPDATE dbo.Device SET DateActivated = :date WHERE ICCID = :iccid", date=year_1, iccid=PLAIN[0])
    frame, _ = load_frame(flow.portal, flow.create(request(PLAIN[:2])).change_id, flow.clock())
    assert min(frame["effective_date"]) > datetime(1990, 1, 1, tzinfo=UTC)


def test_a_tenant_s_zone_that_is_none_is_named(flow: Flow) -> None:
    execute(flow, "UPDATE dbo.Tenant SET TimeZone = 'Eastern Standard Time'")
    with pytest.raises(ConfigurationError, match="'Eastern Standard Time', which is not the name of a time zone"):
        flow.run(request(PLAIN[:2]))
    assert flow.rev.posts == 0


def test_a_row_that_is_deleted_before_its_call_keeps_no_change_waiting(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    flow.check(claim)
    numbers = flow.plan(claim)
    execute(flow, "UPDATE dbo.M2M_DeviceChange SET IsDeleted = 1 WHERE ICCID = :iccid", iccid=PLAIN[0])
    counts = [create_rev_services(flow.context(claim), number, last_try=False) for number in numbers]
    flow.associate(claim)
    flow.close(claim)
    assert (counts, flow.rev.posts, flow.status(claim.bulk_change_id)) == ([{}, {"created": 1}], 1, "PROCESSED")
    assert flow.all("device_association", "device_lock") == []


def test_a_package_that_cannot_be_read_keeps_no_other_line_of_its_revert_waiting(flow: Flow) -> None:
    first = flow.run(request(PLAIN[:2], RevPackageId=world.PACKAGE)).bulk_change_id
    with flow.portal.connect() as connection:
        caller = find_caller(connection, "dora.ops")
    flow.clock.pass_seconds(600)
    poison = next(line.service_id for line in flow.rev.kept if line.number2 == PLAIN[0])

    def products(service_id: int) -> Iterator[Product]:
        if service_id == poison:
            raise RecordUnreadable("a product of the line is listed with product_id None")
        yield from ()

    flow.rev.products = products
    reverting = revert_change(flow.portal, caller, first, reason="wrong", now=flow.clock()).change_id
    claim = flow.open(reverting, "revert")
    flow.check(claim)
    assert [list(one) for one in flow.lines(claim)] == [["rejected"], ["ended"]]
    flow.associate(claim)
    flow.close(claim)
    assert flow.codes(reverting) == {PLAIN[0]: "REV_PRODUCT_FAILED", PLAIN[1]: "PROCESSED"}


def test_an_error_that_no_database_keeps_ends_its_own_row_alone(flow: Flow) -> None:
    said = {"ok": False, "error": "half a pair \ud800 and \0"}
    with pytest.raises(RevioRejected) as refused:
        client(400, said).create_line({"customer_id": 1})
    flow.rev.refusing = {PLAIN[0]: [refused.value]}
    closed = flow.run(request(PLAIN[:2]))
    assert closed.codes == {"PROCESSED": 1, "REV_REJECTED": 1}


LIMITED = {"detail": 1000, "said": 1000, "why": 500}
"""The columns of SQL Server that hold texts of others, with the units of UTF-16 that they take."""


@contextmanager
def measured(engine: Engine) -> Iterator[dict[str, int]]:
    """Give how long the longest of each limited text is that is sent to the database, in units of UTF-16."""
    longest: dict[str, int] = {}

    def measure(_connection: Any, _cursor: Any, _statement: str, sent: Any, _context: Any, _many: bool) -> None:
        for name in LIMITED.keys() & (sent.keys() if isinstance(sent, dict) else set()):
            units = len((sent[name] or "").encode("utf-16-le")) // 2
            longest[name] = max(units, longest.get(name, 0))

    event.listen(engine, "before_cursor_execute", measure)
    try:
        yield longest
    finally:
        event.remove(engine, "before_cursor_execute", measure)


def test_a_text_of_rev_io_s_in_characters_of_two_units_fits_the_columns_of_both_databases(flow: Flow) -> None:
    adopted, refused, doubtful, product = PLAIN[:4]
    faces = "\U0001f600" * 990
    shown = {"service_id": 5, "customer_id": int(world.ACME), "number2": adopted, "description": faces}
    flow.rev.kept.append(replace(line_of(shown), created=NOW - timedelta(days=90)))
    flow.rev.refusing = {refused: [RevioRejected(faces)], doubtful: [RevioOutcomeUnknown(faces)]}
    flow.rev.refusing_products = [RevioRejected(faces, status=400)]
    with measured(flow.portal) as longest:
        for iccid in (adopted, refused):
            flow.run(request([iccid]))
        flow.run(request([product], RevProductIdList=[world.PRODUCT], RateList=["4.50"]))
        ended_unknown_alone(flow, doubtful)
        flow.rev.lines = lambda **_: (_ for _ in ()).throw(KeyError(faces))
        settle(flow)
        alerts.note_run(flow.portal, health.RUN_FAILED, "associate_customer", faces, now=flow.clock())
    assert longest["detail"] > 900
    assert {name: units for name, units in longest.items() if units > LIMITED[name]} == {}


def ended_unknown_alone(flow: Flow, iccid: str) -> None:
    claim = flow.open(flow.create(request([iccid])).change_id)
    flow.check(claim)
    flow.lines(claim, last_try=True)
    flow.close(claim)


# The sweep: changes.


def late_changes(flow: Flow) -> list[int]:
    """Return three changes well past their deadline whose runs are gone, with their lines made."""
    found = []
    for number in range(3):
        claim = flow.open(flow.create(request(PLAIN[2 * number : 2 * number + 2])).change_id, f"run {number}")
        flow.check(claim)
        flow.lines(claim)
        found.append(claim.bulk_change_id)
    flow.clock.pass_seconds(4 * 3600)
    return found


def close_overdue(flow: Flow) -> int:
    return sweeping.close_overdue(flow.portal, run_id="sweep", is_run_active=lambda _: False, clock=flow.clock)


def status(flow: Flow, change_id: int) -> str:
    return str(flow.all("dbo", "devicebulkchange", id=change_id)[0]["status"])


def test_a_late_change_that_cannot_be_associated_is_closed_and_so_are_the_others(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = late_changes(flow)
    associate = associations.associate_devices

    def fail(engine: Engine, claim: claims.Claim, **more: Any) -> dict[str, int]:
        if claim.bulk_change_id == first:
            raise ValueError("poison")
        return associate(engine, claim, **more)

    monkeypatch.setattr(associations, "associate_devices", fail)
    assert close_overdue(flow) == 3
    assert [status(flow, one) for one in others] == [ChangeStatus.PROCESSED] * 2
    assert status(flow, first) == ChangeStatus.ERROR


def test_a_late_change_that_cannot_be_closed_is_a_finding_and_the_others_are_closed(flow: Flow) -> None:
    first, *others = late_changes(flow)
    with poisoned(flow.portal, "INSERT INTO device_association.change_result", bulk_change_id=first):
        assert close_overdue(flow) == 2
    assert [status(flow, one) for one in others] == [ChangeStatus.PROCESSED] * 2
    assert findings(flow) == [("WORK_FAILED", f"close late: bulk change {first}")]
    flow.clock.pass_seconds(120)
    assert close_overdue(flow) == 1
    assert findings(flow) == []


def test_a_report_of_deleted_changes_that_fails_keeps_no_late_change_open(flow: Flow) -> None:
    late_changes(flow)
    with poisoned(flow.portal, "c.IsDeleted = 1 OR m.IsDeleted = 1"):
        assert close_overdue(flow) == 3
    assert findings(flow) == [("WORK_FAILED", "close late: changes that were deleted")]
    flow.clock.pass_seconds(120)
    close_overdue(flow)
    assert findings(flow) == []


def test_a_change_that_cannot_be_enqueued_keeps_no_other_from_the_queue(flow: Flow) -> None:
    first, second = (flow.create(request([one], **WITHOUT_LINE), run_id=one).change_id for one in PLAIN[:2])
    flow.clock.pass_seconds(3600)

    def sweep() -> dict[str, int]:
        quiet = timedelta(minutes=10)
        return sweeping.requeue_stalled(flow.portal, is_run_active=lambda _: False, quiet=quiet, now=flow.clock())

    with poisoned(flow.portal, "INSERT INTO device_association.outbox", bulk_change_id=first):
        assert sweep() == {"failed": 1, "enqueued": 1}
    assert [one["bulkchangeid"] for one in flow.all("device_association", "outbox")] == [second]
    assert findings(flow) == [("WORK_FAILED", f"enqueue again: bulk change {first}")]
    flow.clock.pass_seconds(120)
    assert sweep() == {"enqueued": 1, "in_work": 1}
    assert findings(flow) == []


def test_procedures_that_fail_for_one_change_are_run_for_the_others(flow: Flow) -> None:
    changes = []
    for number in range(2):
        claim = flow.open(flow.create(request(PLAIN[number : number + 1], **WITHOUT_LINE)).change_id)
        flow.check(claim)
        associations.associate_devices(flow.portal, claim, clock=flow.clock)
        flow.close(claim, ["update_cross_provider_device_history"])
        changes.append(claim.bulk_change_id)
    with poisoned(flow.portal, "UPDATE_DEVICE_REV_SERVICE_LINKS", bulk_change_id=changes[0]):
        assert sweeping.run_missing_procedures(flow.portal, now=flow.clock()) == 1
    assert findings(flow) == [("WORK_FAILED", f"final procedures: bulk change {changes[0]}")]
    flow.clock.pass_seconds(1)
    assert sweeping.run_missing_procedures(flow.portal, now=flow.clock()) == 1
    assert findings(flow) == []


def test_an_approval_that_cannot_expire_keeps_no_other_waiting(flow: Flow) -> None:
    execute(
        flow,
        "INSERT INTO device_association.approval_rule (TenantId, MostDevices, FirstUse, ModifiedBy, ModifiedDate)"
        " VALUES (:tenant, 1, 0, 'dora.ops', :now)",
        tenant=world.NORTHWIND,
        now=NOW,
    )
    first, second = (flow.create(request(PLAIN[start : start + 2], **WITHOUT_LINE)).change_id for start in (0, 2))
    flow.clock.pass_seconds(73 * 3600)
    with poisoned(flow.portal, "INSERT INTO device_association.change_stop", bulk_change_id=first):
        assert approvals.expire_approvals(flow.portal, now=flow.clock()) == 1
    assert (status(flow, first), status(flow, second)) == (ChangeStatus.PENDING_APPROVAL, ChangeStatus.CANCELED)
    assert findings(flow) == [("WORK_FAILED", f"expire approvals: bulk change {first}")]


@contextmanager
def poisoned_span(engine: Engine, part: str, span: tuple[str, str], poison: Collection[int]) -> Iterator[None]:
    """Let each statement with this text fail whose span of ids has one of these."""
    first, last = span

    def fail(_connection: Any, _cursor: Any, statement: str, sent: Any, _context: Any, _many: bool) -> None:
        if part in statement and any(sent[first] <= one <= sent[last] for one in poison):
            raise ValueError("poison")

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", fail)


@pytest.mark.parametrize(
    "bad", [[2], range(22), range(18, 40), range(0, 40, 2)], ids=["one", "first", "last", "every 2nd"]
)
def test_devices_that_cannot_be_associated_cost_no_other_of_their_change_its_customer(
    flow: Flow, bad: Sequence[int]
) -> None:
    claim = flow.open(flow.create(request(PLAIN[:40], **WITHOUT_LINE)).change_id)
    flow.check(claim)
    poison = {PLAIN[one]: row_of(flow, PLAIN[one]) for one in bad}
    span = ("first_row_id", "last_row_id")
    with (
        poisoned_span(flow.portal, "INSERT INTO dbo.Device_Tenant", span, poison.values()),
        pytest.raises(ValueError, match="poison"),
    ):
        associations.associate_devices(flow.portal, claim, clock=flow.clock)
    done = {iccid for iccid, code in flow.codes(claim.bulk_change_id).items() if code == "PROCESSED"}
    assert done == set(PLAIN[:40]) - poison.keys()


# What is sent to others.


def test_what_cannot_be_sent_keeps_nothing_behind_it_waiting(flow: Flow) -> None:
    changes = [flow.create(request([one], **WITHOUT_LINE)).change_id for one in PLAIN[:3]]
    went: list[object] = []

    def send(message: dict[str, object]) -> None:
        if message["BulkChangeId"] == changes[0]:
            raise ConnectionError("refused")
        went.append(message["BulkChangeId"])

    with pytest.raises(ConnectionError):
        outbox.flush_outbox(flow.portal, outbox.MESSAGE, send)
    assert went == changes[1:]


def test_a_queue_that_is_down_is_tried_three_times_and_no_more(flow: Flow) -> None:
    for one in PLAIN[:5]:
        flow.create(request([one], **WITHOUT_LINE))
    tried: list[object] = []

    def send(message: dict[str, object]) -> None:
        tried.append(message)
        raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        outbox.flush_outbox(flow.portal, outbox.MESSAGE, send)
    assert len(tried) == 3


def test_what_cannot_be_marked_as_sent_keeps_nothing_behind_it_waiting(flow: Flow) -> None:
    changes = [flow.create(request([one], **WITHOUT_LINE)).change_id for one in PLAIN[:3]]
    first = flow.all("device_association", "outbox", bulkchangeid=changes[0])[0]["id"]
    went: list[object] = []
    with poisoned(flow.portal, "SET SentDate", outbox_id=first), pytest.raises(ValueError, match="poison"):
        outbox.flush_outbox(flow.portal, outbox.MESSAGE, lambda message: went.append(message["BulkChangeId"]))
    assert went == changes
    outbox.flush_outbox(flow.portal, outbox.MESSAGE, lambda message: went.append(message["BulkChangeId"]))
    assert went == [*changes, changes[0]]


def test_an_alarm_that_cannot_be_kept_or_marked_keeps_back_no_other(flow: Flow) -> None:
    on = [health.Check(name, True, name) for name in ("change_late", "dead_letters", "findings_open")]
    with (
        poisoned(flow.portal, "INSERT INTO device_association.alarm", alarm="change_late"),
        pytest.raises(ValueError, match="poison"),
    ):
        alerts.keep_alarms(flow.portal, on, now=flow.clock())
    told: list[str] = []
    with (
        poisoned(flow.portal, "UPDATE device_association.alarm", alarm="dead_letters"),
        pytest.raises(ValueError, match="poison"),
    ):
        alerts.send_alerts(flow.portal, told.append, now=flow.clock())
    assert [one.split(":")[1].strip() for one in told] == ["dead_letters", "findings_open"]


def test_an_alarm_that_cannot_be_told_keeps_no_other_untold(flow: Flow) -> None:
    on = [health.Check(name, True, name) for name in ("change_late", "dead_letters")]
    for number, check in enumerate(on):
        alerts.keep_alarms(flow.portal, [check], now=flow.clock() + timedelta(seconds=number))
    told: list[str] = []

    def tell(said: str) -> None:
        if "change_late" in said:
            raise ValueError("too long for the topic")
        told.append(said)

    with pytest.raises(ValueError, match="too long"):
        alerts.send_alerts(flow.portal, tell, now=flow.clock())
    assert len(told) == 1
    with pytest.raises(ValueError, match="too long"):
        alerts.send_alerts(flow.portal, tell, now=flow.clock())
    assert len(told) == 1


# The two queues.


class Letters:
    """Stands for the dead-letter queue: what is received is hidden until it is released."""

    def __init__(self, *bodies: str) -> None:
        self.kept = [
            {"MessageId": f"m-{number}", "ReceiptHandle": f"m-{number}", "Body": body}
            for number, body in enumerate(bodies)
        ]
        self.hidden: set[str] = set()
        self.gone: list[str] = []

    def receive(self) -> list[dict[str, Any]]:
        found = [one for one in self.kept if one["MessageId"] not in {*self.hidden, *self.gone}][:10]
        self.hidden |= {one["MessageId"] for one in found}
        return found

    def release(self, receipt: str) -> None:
        self.hidden.discard(receipt)

    def delete(self, receipt: str) -> None:
        self.hidden.discard(receipt)
        self.gone.append(receipt)

    def put_back(self, received: Any) -> None:
        """Take it: nobody looks at the main queue here."""


DEEP = [BRACKETS, '{"BulkChangeId": ' + BRACKETS, '{"BulkChangeId": ' + "[" * 500 + "]" * 500 + "}"]


@pytest.mark.parametrize("body", DEEP, ids=["text", "id", "value"])
def test_a_message_nested_without_end_cannot_be_read_and_that_is_all(body: str) -> None:
    with pytest.raises(ValueError, match="BulkChangeId"):
        messages.read_message({"Body": body})
    named = {"BulkChangeId": {"StringValue": "7", "DataType": "String"}}
    assert messages.read_message({"Body": BRACKETS, "MessageAttributes": named}).bulk_change_id == 7


def test_a_message_nested_without_end_is_a_dead_letter_like_any_other(flow: Flow) -> None:
    change_id = flow.create(request(PLAIN[:1], **WITHOUT_LINE)).change_id
    queue = Letters("garbage", BRACKETS, json.dumps({"BulkChangeId": change_id}))
    assert look(flow.portal, queue, now=flow.clock()) == {"UNREADABLE": 2, "OPEN": 1}
    assert queue.hidden == set()
    found = {one.name: one for one in health.checks(read_figures(flow.portal, now=flow.clock()))}
    assert found["dead_letters"].is_on
    assert found["dead_letters"].message.startswith("3 in the dead-letter queue")
    assert redrive(flow.portal, queue, actor="dora.ops", now=flow.clock()) == {"quarantined": 2, "redriven": 1}


def test_a_letter_that_cannot_be_recorded_stays_in_sight_and_the_others_are_recorded(flow: Flow) -> None:
    queue = Letters(*(f"garbage {number}" for number in range(4)))
    with poisoned(flow.portal, "INSERT INTO device_association.dead_letter", message_id="m-1"):
        assert look(flow.portal, queue, now=flow.clock()) == {"UNREADABLE": 3, "failed": 1}
        assert queue.hidden == set()
        assert findings(flow) == [("WORK_FAILED", "look at dead letters: message m-1")]
        done = redrive(flow.portal, queue, actor="dora.ops", now=flow.clock())
    assert done == {"quarantined": 3, "failed": 1}
    assert (queue.hidden, queue.gone) == (set(), ["m-0", "m-2", "m-3"])


def test_all_that_was_received_is_released_when_a_look_dies(flow: Flow) -> None:
    queue = Letters(*(f"garbage {number}" for number in range(4)))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    event.listen(flow.portal, "before_cursor_execute", die)
    with pytest.raises(KeyboardInterrupt):
        look(flow.portal, queue, now=flow.clock())
    event.remove(flow.portal, "before_cursor_execute", die)
    assert queue.hidden == set()


# Plans, reconciliation, housekeeping.


def with_due_plans(flow: Flow, devices: Sequence[str]) -> dict[str, int]:
    """Let a plan of each device be due now; return the id of each device."""
    due = NOW + timedelta(days=1)
    asked = request(devices, CreateRevService=False, AddCustomerRatePlan=True, CustomerRatePlan="1")
    flow.run(asked | {"EffectiveDate": due.isoformat()})
    apply_due_plans(flow.portal, Hours(end=NOW), clock=flow.clock)
    flow.clock.now = due
    return {one["iccid"]: one["id"] for one in flow.all("dbo", "device") if one["iccid"] in devices}


def apply_poisoned(flow: Flow, poison: Collection[int], rows_per_statement: int = 4000) -> dict[str, int]:
    span = ("first_device_id", "last_device_id")
    with poisoned_span(flow.portal, "INSERT INTO device_association.device_lock", span, poison):
        engine = flow.portal.execution_options(rows_per_statement=rows_per_statement)
        return apply_due_plans(engine, Hours(), clock=flow.clock)


def test_a_device_whose_plan_cannot_be_applied_keeps_no_other_from_its_plan(flow: Flow) -> None:
    poison = with_due_plans(flow, PLAIN[:5])[PLAIN[2]]
    outcomes = apply_poisoned(flow, [poison])
    assert (outcomes["APPLIED"], outcomes["WAITING"]) == (4, 1)
    assert findings(flow) == [("WORK_FAILED", f"apply_scheduled_rate_plans: device {poison}")]
    flow.clock.pass_seconds(1)
    assert apply_due_plans(flow.portal, Hours(), clock=flow.clock)["APPLIED"] == 1
    assert findings(flow) == []


def test_a_backfill_of_the_past_closes_no_finding_about_a_plan_that_it_did_not_take(flow: Flow) -> None:
    poison = with_due_plans(flow, PLAIN[:2])[PLAIN[0]]
    apply_poisoned(flow, [poison])
    flow.clock.pass_seconds(1)
    past = Hours(NOW - timedelta(hours=1), NOW)
    apply_due_plans(flow.portal, past, clock=flow.clock)
    assert len(findings(flow)) == 1


@pytest.mark.parametrize("rows_per_statement", [4000, 30])
def test_however_many_plans_cannot_be_applied_every_other_is(flow: Flow, rows_per_statement: int) -> None:
    devices = with_due_plans(flow, PLAIN[:40])
    poison = sorted(devices.values())[:22]
    outcomes = apply_poisoned(flow, poison, rows_per_statement)
    assert (outcomes["APPLIED"], outcomes["WAITING"]) == (18, 22)
    named = [("WORK_FAILED", f"apply_scheduled_rate_plans: device {one}") for one in poison[:20]]
    assert findings(flow) == sorted([*named, ("WORK_FAILED", "apply_scheduled_rate_plans: other devices")])
    flow.clock.pass_seconds(1)
    assert apply_poisoned(flow, [])["APPLIED"] == 22
    assert findings(flow) == []


YESTERDAY = Interval(NOW.replace(hour=0) - timedelta(days=1), NOW.replace(hour=0))


def reconcile(flow: Flow, rev: Any, name: str = "northwind") -> dict[str, dict[str, int]]:
    account = RevAccount(world.ACCOUNT, name, "revio_northwind", world.NORTHWIND)
    flow.clock.pass_seconds(1)
    return reconcile_account(flow.portal, account, YESTERDAY, rev.lines, clock=flow.clock)


@contextmanager
def unmirrored(flow: Flow, poison: Collection[int]) -> Iterator[None]:
    """Let each statement fail that writes one of these lines to the mirror."""

    def fail(_connection: Any, _cursor: Any, statement: str, sent: Any, _context: Any, _many: bool) -> None:
        if "INSERT INTO dbo.RevService " in statement and any(str(one) in str(sent.get("lines")) for one in poison):
            raise ValueError("poison")

    event.listen(flow.portal, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(flow.portal, "before_cursor_execute", fail)


def with_new_lines(flow: Flow, count: int) -> Rev:
    """Return a settled account to which lines were added that the mirror lacks."""
    settled = Differences(flow)
    flow.clock.pass_seconds(60)
    old = NOW - timedelta(days=90)
    settled.rev.kept += [Line(70_001 + n, int(world.ACME), None, PLAIN[20 + n], old, None) for n in range(count)]
    return settled.rev


def failed_work(flow: Flow) -> list[str]:
    return [subject for kind, subject in findings(flow) if kind == "WORK_FAILED"]


@pytest.mark.parametrize("name", ["northwind", "100% [North]_wind"])
def test_a_difference_that_cannot_be_repaired_keeps_no_other_from_its_repair(flow: Flow, name: str) -> None:
    rev = with_new_lines(flow, 5)
    with unmirrored(flow, [70_003]):
        done = reconcile(flow, rev, name)
    assert done["repaired"]["MIRROR_ROW_MISSING"] == 4
    assert len(failed_work(flow)) == 1
    assert reconcile(flow, rev, name)["repaired"]["MIRROR_ROW_MISSING"] == 1
    assert failed_work(flow) == []


def test_what_was_repaired_is_closed_though_another_difference_cannot_be_repaired(flow: Flow) -> None:
    rev = with_new_lines(flow, 5)
    with unmirrored(flow, [70_002, 70_003]):
        reconcile(flow, rev)
    assert len(failed_work(flow)) == 2
    with unmirrored(flow, [70_003]):
        reconcile(flow, rev)
    (left,) = failed_work(flow)
    assert "70003" in left


def test_each_run_comes_further_however_many_differences_cannot_be_repaired(flow: Flow) -> None:
    rev = with_new_lines(flow, 30)
    with unmirrored(flow, range(70_001, 70_026)):
        assert "MIRROR_ROW_MISSING" not in reconcile(flow, rev)["repaired"]
        assert reconcile(flow, rev)["repaired"]["MIRROR_ROW_MISSING"] == 5
        assert len(failed_work(flow)) == 25
    assert reconcile(flow, rev)["repaired"]["MIRROR_ROW_MISSING"] == 25
    assert failed_work(flow) == []


def test_a_job_closes_its_own_findings_alone(flow: Flow) -> None:
    jobs = ("close late", "close later", "close_overdue")
    for job in jobs:
        OneByOne(flow.portal, job, flow.clock()).report("bulk change 1", "why")
    flow.clock.pass_seconds(1)
    OneByOne(flow.portal, "close_overdue", flow.clock()).end()
    assert failed_work(flow) == ["close late: bulk change 1", "close later: bulk change 1"]


def test_a_report_that_fails_keeps_no_other_from_reporting_and_closes_nothing(flow: Flow) -> None:
    settled = Differences(flow)
    flow.clock.pass_seconds(60)
    strange = Line(70_001, int(world.ACME), None, "8999999999999999990", NOW - timedelta(days=90), None)
    settled.rev.kept.append(strange)
    first = reconcile(flow, settled.rev)["open"]
    assert "LINE_WITHOUT_DEVICE" in first
    with poisoned(flow.portal, "'LINE_WITHOUT_DEVICE'"):
        done = reconcile(flow, settled.rev)
    assert done["closed"] == {"findings": 0}
    kinds = {kind for kind, _ in findings(flow)}
    assert kinds >= {"LINE_WITHOUT_DEVICE", "WORK_FAILED"}


def test_a_change_that_cannot_be_repaired_keeps_no_other_from_its_repair(flow: Flow) -> None:
    changes = [flow.run(request(PLAIN[n : n + 1], **WITHOUT_LINE)).bulk_change_id for n in range(2)]
    for one in changes:
        execute(flow, "UPDATE dbo.DeviceBulkChange SET Status = 'ERROR' WHERE id = :id", id=one)
    flow.clock.pass_seconds(86400)
    today = Interval(NOW.replace(hour=0), NOW.replace(hour=0) + timedelta(days=1))
    with poisoned(flow.portal, "DELETE FROM device_association.change_result", bulk_change_id=changes[0]):
        assert repair_changes(flow.portal, today, clock=flow.clock) == {"CHANGE_STATUS_WRONG": 1}
    assert ("WORK_FAILED", f"repair of changes: bulk change {changes[0]}") in findings(flow)
    flow.clock.pass_seconds(1)
    assert repair_changes(flow.portal, today, clock=flow.clock) == {"CHANGE_STATUS_WRONG": 1}
    assert findings(flow) == []


def test_a_table_that_cannot_be_tidied_keeps_no_other_from_it(flow: Flow) -> None:
    flow.run(request(PLAIN[:2], **WITHOUT_LINE))
    flow.clock.pass_seconds(86400 * 500)
    keep = {"keep": timedelta(days=400)}
    with poisoned(flow.portal, "device_association.known_line"), pytest.raises(ValueError, match="poison"):
        retention.purge_expired_rows(flow.portal, now=flow.clock(), **keep)
    assert flow.all("device_association", "change_step") == []


def test_a_folder_that_cannot_be_deleted_keeps_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / name).mkdir()
    remove = shutil.rmtree

    def fail(folder: Path) -> None:
        if folder.name == "1":
            raise PermissionError("not ours")
        if folder.name == "2":
            raise FileNotFoundError("somebody was quicker")
        remove(folder)

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(PermissionError):
        retention.purge_expired_reports(tmp_path, keep=timedelta(0), now=NOW + timedelta(days=3650))
    assert not (tmp_path / "3").exists()

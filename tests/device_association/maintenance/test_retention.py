"""What nobody needs any more is deleted in batches; what is open, owed or needed later is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from device_association.bulk_changes.access import find_caller
from device_association.database.dialects import to_driver
from device_association.database.execution import in_transaction
from device_association.domain.codes import ChangeStatus
from device_association.findings.store import Finding, FindingKind, report
from device_association.maintenance.dead_letters import look, redrive
from device_association.maintenance.retention import purge_expired_reports, purge_expired_rows
from device_association.messaging import outbox
from device_association.monitoring import alerts, health
from device_association.requests.actions import retry_change
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.letters import Letters

PLAIN = groups().plain
KEEP = timedelta(days=400)
OURS = ("rev_service_slice", "change_step", "outbox")
KEPT_FOR_EVER = ("change_state", "request_terms", "requested_device", "line_intent", "rev_line_owner", "change_result")


def tidy(flow: Flow, rows_per_statement: int = 4000) -> dict[str, int]:
    engine = flow.portal.execution_options(rows_per_statement=rows_per_statement)
    return {name: count for name, count in purge_expired_rows(engine, keep=KEEP, now=flow.clock()).items() if count}


def later(flow: Flow, days: float) -> None:
    flow.clock.pass_seconds(86400 * days)


def sent(flow: Flow) -> None:
    for kind in (outbox.MESSAGE, outbox.NOTIFICATION):
        outbox.flush_outbox(flow.portal, kind, lambda _: None)
    execute(flow, "UPDATE device_association.outbox SET SentDate = :now", now=flow.clock())


def execute(flow: Flow, statement: str, **binds: Any) -> None:
    with flow.portal.begin() as connection:
        connection.execute(text(statement), {name: to_driver(value) for name, value in binds.items()})


def ended(flow: Flow, *devices: str) -> int:
    change_id = flow.run(request(devices or PLAIN[:3])).bulk_change_id
    sent(flow)
    return change_id


def left(flow: Flow, change_id: int, *tables: str) -> dict[str, int]:
    names = tables or OURS
    counts = {name: len(flow.all("device_association", name, bulkchangeid=change_id)) for name in names}
    return counts if tables else counts | {"known_line": len(flow.all("device_association", "known_line"))}


def known(flow: Flow, change_id: int, count: int = 3) -> None:
    """Keep a line that is known of each intent of a change; of one that is gone, of as many intents."""
    intents = [one["id"] for one in flow.all("device_association", "line_intent", bulkchangeid=change_id)]
    for intent_id in intents or range(change_id, change_id + count):
        execute(
            flow,
            "INSERT INTO device_association.known_line (IntentId, LineKey, NeedsCheck, Record) VALUES (:id, '9', 0, '{}')",
            id=intent_id,
        )


def test_what_an_old_change_left_is_deleted_and_what_is_needed_later_stays(flow: Flow) -> None:
    change_id = ended(flow)
    known(flow, change_id)
    kept = {name: flow.all("device_association", name) for name in KEPT_FOR_EVER}
    later(flow, 399)
    assert tidy(flow) == {}
    later(flow, 2)
    done = tidy(flow)
    assert (done["known_lines"], done["slices"], done["sent"]) == (3, 3, 2)
    assert done["steps"] > 3
    assert set(left(flow, change_id).values()) == {0}
    assert {name: flow.all("device_association", name) for name in KEPT_FOR_EVER} == kept
    assert len(kept["rev_line_owner"]) == 3
    assert tidy(flow) == {}


@pytest.mark.parametrize("status", ["NEW", "PROCESSING", "PENDING_APPROVAL"])
def test_nothing_of_an_open_change_is_deleted_however_old(flow: Flow, status: str) -> None:
    change_id = ended(flow)
    known(flow, change_id)
    execute(flow, "UPDATE dbo.DeviceBulkChange SET Status = :status WHERE id = :id", status=status, id=change_id)
    before = left(flow, change_id)
    later(flow, 4000)
    assert tidy(flow) == {}
    assert left(flow, change_id) == before


def test_what_is_owed_stays_until_it_is_sent(flow: Flow) -> None:
    change_id = flow.run(request(PLAIN[:2])).bulk_change_id
    later(flow, 401)
    assert "sent" not in tidy(flow)
    assert left(flow, change_id, "outbox") == {"outbox": 2}


def test_what_belongs_to_a_change_that_the_portal_deleted_goes_too(flow: Flow) -> None:
    known(flow, 10**9)
    assert tidy(flow) == {"known_lines": 3}


def test_an_old_change_can_still_be_retried(flow: Flow, portal: Engine) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    flow.close(claim, ["check_data"])
    sent(flow)
    later(flow, 401)
    assert tidy(flow)
    with portal.connect() as connection:
        caller = find_caller(connection, "dora.ops")
    done = retry_change(portal, caller, claim.bulk_change_id, reason="late", now=flow.clock())
    assert (done.retry_number, done.accepted) == (1, 2)
    again = flow.open(claim.bulk_change_id)
    flow.check(again)
    flow.lines(again)
    flow.associate(again)
    assert flow.close(again).status == ChangeStatus.PROCESSED
    assert tidy(flow) == {}


@pytest.fixture
def statements(portal: Engine) -> Iterator[list[int]]:
    """Give how many rows each DELETE touched."""
    counts: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith("DELETE"):
            counts.append(cursor.rowcount)

    event.listen(portal, "after_cursor_execute", note)
    yield counts
    event.remove(portal, "after_cursor_execute", note)


def test_no_statement_deletes_more_rows_than_it_may(flow: Flow, statements: list[int]) -> None:
    known(flow, 10**9, 25)
    statements.clear()
    assert tidy(flow, rows_per_statement=10) == {"known_lines": 25}
    assert statements[:3] == [10, 10, 5]
    assert max(statements) == 10


def test_closed_findings_decided_letters_and_alarms_that_are_over_go_and_open_ones_stay(flow: Flow) -> None:
    queue = Letters()
    queue.add("old")
    redrive(flow.portal, queue, actor="dora.ops", now=NOW)
    queue.add("still there")
    look(flow.portal, queue, now=NOW)
    found = [Finding(FindingKind.OUTCOME_AMBIGUOUS, subject, "two") for subject in ("open", "closed")]
    in_transaction(flow.portal, lambda connection: report(connection, found, now=NOW))
    execute(flow, "UPDATE device_association.finding SET ClosedDate = :now WHERE Subject = 'closed'", now=NOW)
    for name, states in (("change_late", [True, False]), ("plans_overdue", [True])):
        for is_on in states:
            alerts.keep_alarms(flow.portal, [health.Check(name, is_on, "said")], now=NOW)
            alerts.send_alerts(flow.portal, lambda _: None, now=NOW)
    later(flow, 401)
    assert tidy(flow) == {"findings": 1, "dead_letters": 1, "alarms": 1}
    assert [one["subject"] for one in flow.all("device_association", "finding")] == ["open"]
    assert [one["body"] for one in flow.all("device_association", "dead_letter")] == ["still there"]
    assert [one["name"] for one in flow.all("device_association", "alarm")] == ["plans_overdue"]


def test_keys_are_forgotten_after_a_day_also_of_users_who_never_come_back(flow: Flow) -> None:
    for user, age in ((1, 25), (2, 23)):
        execute(
            flow,
            "INSERT INTO device_association.request_key (UserId, KeyHash, BodyHash, CreatedDate)"
            " VALUES (:user, :hash, :hash, :then)",
            user=user,
            hash="0" * 64,
            then=NOW - timedelta(hours=age),
        )
    assert tidy(flow) == {"keys": 1}
    assert [one["userid"] for one in flow.all("device_association", "request_key")] == [2]


def test_old_reports_go_and_what_else_lies_in_their_folder_stays(tmp_path: Path) -> None:
    for change, age in (("1", 500), ("2", 10), ("notes", 500)):
        report_of = tmp_path / change / "0"
        report_of.mkdir(parents=True)
        (report_of / "index.html").write_text("report")
        then = (NOW - timedelta(days=age)).timestamp()
        for path in (report_of, report_of.parent):
            os.utime(path, (then, then))
    assert purge_expired_reports(tmp_path, keep=KEEP, now=NOW) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["2", "notes"]
    assert purge_expired_reports(tmp_path, keep=KEEP, now=NOW) == 0
    assert purge_expired_reports(tmp_path / "none", keep=KEEP, now=NOW) == 0

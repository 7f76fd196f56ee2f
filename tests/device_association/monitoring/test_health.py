"""How things stand: each alarm fires on what it is for, names its page, and is off again when that is mended."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from device_association.__main__ import URL_VARIABLE, app
from device_association.database.dialects import to_driver
from device_association.database.execution import in_transaction
from device_association.domain.errors import RevioRetryable
from device_association.findings.store import Finding, FindingKind
from device_association.findings.store import report as report_findings
from device_association.maintenance.dead_letters import look, redrive
from device_association.messaging import outbox
from device_association.monitoring import alerts, health, snapshot
from device_association.monitoring.snapshot import (
    ACCOUNT_METRICS,
    METRICS,
    QUEUE_METRICS,
    read_figures,
    record_heartbeat,
)
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Limits, Pace
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.letters import Letters
from tests.outcomes import Committed, ended_unknown, settle

REPOSITORY = Path(__file__).resolve().parents[3]
PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}
TEN = list(health.CHECKS)


@pytest.fixture
def well(flow: Flow) -> Flow:
    """Give a world in which nothing is waiting and every job was just seen."""
    record_heartbeats(flow)
    with flow.portal.begin() as connection:
        connection.execute(
            text("UPDATE dbo.Device_CustomerRatePlanOrRatePool_Queue SET ProcessedDate = :now"), {"now": to_driver(NOW)}
        )
        connection.execute(
            text(
                "UPDATE dbo.DeviceBulkChange SET ProcessedDate = :now, Status = 'PROCESSED' WHERE ChangeRequestTypeId = 4"
            ),
            {"now": to_driver(NOW)},
        )
    return flow


def record_heartbeats(flow: Flow) -> None:
    for name in snapshot.JOBS:
        record_heartbeat(flow.portal, name, now=flow.clock())


def on(flow: Flow) -> dict[str, str]:
    found = health.checks(read_figures(flow.portal, now=flow.clock()))
    assert [one.name for one in found] == TEN
    return {one.name: one.line() for one in found if one.is_on}


def after(flow: Flow, minutes: float) -> dict[str, str]:
    flow.clock.pass_seconds(60 * minutes)
    record_heartbeats(flow)
    return on(flow)


def execute(flow: Flow, statement: str, **binds: Any) -> None:
    with flow.portal.begin() as connection:
        connection.execute(text(statement), {name: to_driver(value) for name, value in binds.items()})


def asked(flow: Flow, *, is_sent: bool = True) -> int:
    change_id = flow.create(request(PLAIN[:2], **WITHOUT_LINE)).change_id
    if is_sent:
        outbox.flush_outbox(flow.portal, outbox.MESSAGE, lambda _: None)
    return change_id


def test_all_is_well_in_ten_lines(well: Flow) -> None:
    found = health.checks(read_figures(well.portal, now=NOW))
    assert [(one.name, one.is_on) for one in found] == [(name, False) for name in TEN]
    assert len(found) == 10
    assert all(one.line().startswith("OK     ") for one in found)


def test_a_job_that_is_not_seen_is_named(well: Flow) -> None:
    well.clock.pass_seconds(16 * 60)
    record_heartbeat(well.portal, snapshot.LISTENER, now=well.clock())
    assert "report seen 16 min ago" in on(well)["job_silent"]
    assert after(well, 0) == {}
    execute(well, "DELETE FROM device_association.heartbeat WHERE Name = 'listener'")
    assert "listener never seen" in on(well)["job_silent"]


def test_a_change_that_nobody_begins_is_told_until_it_is_begun(well: Flow) -> None:
    change_id = asked(well)
    assert after(well, 29) == {}
    assert set(after(well, 2)) == {"change_waiting"}
    well.open(change_id)
    assert on(well) == {}


def test_a_change_past_its_deadline_is_told_and_a_pause_of_its_account_counts(well: Flow) -> None:
    claim = well.open(asked(well))
    well.check(claim)
    then = well.clock()
    execute(well, "UPDATE device_association.change_state SET DeadlineDate = :then WHERE BulkChangeId > 0", then=then)
    assert after(well, 59) == {}
    assert set(after(well, 2)) == {"change_late"}
    open_account(well)
    execute(well, "UPDATE device_association.call_budget SET PausedSeconds = 600")
    execute(
        well,
        "UPDATE device_association.change_state SET ConnectionId = 'revio_a', PausedSeconds = 0 WHERE BulkChangeId > 0",
    )
    assert on(well) == {}


def test_a_call_of_unknown_outcome_is_told_after_an_hour(well: Flow) -> None:
    claim = well.open(well.create(request(PLAIN[:1])).change_id)
    well.check(claim)
    well.lines(claim)
    execute(
        well,
        "UPDATE device_association.line_intent SET State = 'UNKNOWN', UnknownSince = :then, RevServiceId = NULL,"
        " ReadyDate = NULL WHERE BulkChangeId = :id",
        then=well.clock(),
        id=claim.bulk_change_id,
    )
    outbox.flush_outbox(well.portal, outbox.MESSAGE, lambda _: None)
    assert after(well, 59) == {}
    assert "1 of unknown outcome (oldest 1 h)" in after(well, 2)["outcome_unknown"]


def test_a_call_whose_account_cannot_be_asked_is_told_an_hour_after_it(well: Flow) -> None:
    ended_unknown(well, PLAIN[:1], Committed)

    def lines(**_: Any) -> Any:
        raise RevioRetryable("no answer")

    well.rev.lines = lines
    for _ in range(6):
        well.clock.pass_seconds(600)
        settle(well)
    assert "1 of unknown outcome (oldest 1 h)" in after(well, 1)["outcome_unknown"]


def test_what_cannot_be_sent_is_told_after_ten_minutes_until_it_is_sent(well: Flow) -> None:
    asked(well, is_sent=False)
    assert after(well, 9) == {}
    assert "to be sent: 1 messages (oldest 11 min)" in after(well, 2)["outbox_unsent"]
    outbox.flush_outbox(well.portal, outbox.MESSAGE, lambda _: None)
    assert on(well) == {}


def open_account(flow: Flow) -> RateLimiter:
    budget = RateLimiter(flow.portal, "revio_a", Limits(), flow.clock)
    budget.open()
    return budget


def test_the_zone_of_an_account_s_dates_is_shown_and_follows_its_connection(well: Flow) -> None:
    for zone in ("Pacific/Auckland", "UTC"):
        RateLimiter(well.portal, "revio_a", Limits(), well.clock, time_zone=zone).open()
        found = {one.name: one for one in health.checks(read_figures(well.portal, now=well.clock()))}
        assert f"revio_a dates in {zone}" in found["account_blocked"].message


def test_an_account_whose_quota_is_spent_is_told_as_such(well: Flow) -> None:
    open_account(well).after_call(RevioRetryable("403", status=403))
    assert "revio_a paused for 12 h: Rev.io says that the account's calls are used up" in on(well)["account_blocked"]


def test_an_account_that_is_paused_or_does_not_answer_is_told(well: Flow) -> None:
    budget = open_account(well)
    budget.pause(240, "Rev.io turned a call away")
    assert on(well) == {}
    budget.pause(1200, "the account's 150000 calls of today are used up")
    assert "revio_a paused for 20 min: the account's 150000 calls" in on(well)["account_blocked"]
    assert after(well, 21) == {}
    for _ in range(10):
        budget.count_failure()
    assert "revio_a does not answer" in on(well)["account_blocked"]
    budget.count_success()
    assert on(well) == {}


def test_a_dead_letter_is_told_until_it_is_set_aside(well: Flow) -> None:
    queue = Letters()
    queue.add("garbage")
    look(well.portal, queue, now=well.clock())
    assert "1 in the dead-letter queue (oldest 0 s), 0 set aside" in on(well)["dead_letters"]
    redrive(well.portal, queue, actor="dora.ops", now=well.clock())
    assert on(well) == {}
    assert read_figures(well.portal, now=well.clock()).metrics["dead_letters.quarantined"] == 1


def test_a_plan_that_is_two_hours_late_is_told(well: Flow) -> None:
    then = NOW + timedelta(minutes=1)
    well.run(request(PLAIN[:1], **WITHOUT_LINE, AddCustomerRatePlan=True, CustomerRatePlan="1", EffectiveDate=None))
    execute(
        well,
        "INSERT INTO dbo.Device_CustomerRatePlanOrRatePool_Queue"
        " (DeviceId, EffectiveDate, PortalType, TenantId, CreatedBy, CreatedDate, IsActive, IsDeleted)"
        " SELECT MIN(x.DeviceId), :then, 0, 1, 'test', :then, 1, 0 FROM dbo.Device_Tenant AS x WHERE x.TenantId = 1",
        then=then,
    )
    outbox.flush_outbox(well.portal, outbox.MESSAGE, lambda _: None)
    outbox.flush_outbox(well.portal, outbox.NOTIFICATION, lambda _: None)
    assert after(well, 119) == {}
    assert "1 plans due (oldest 2 h)" in after(well, 5)["plans_overdue"]


def test_a_finding_is_told_until_it_is_closed(well: Flow) -> None:
    finding = Finding(FindingKind.OUTCOME_AMBIGUOUS, "a SIM", "two lines")
    in_transaction(well.portal, lambda connection: report_findings(connection, [finding], now=well.clock()))
    assert "1 OUTCOME_AMBIGUOUS findings" in on(well)["findings_open"]
    execute(well, "UPDATE device_association.finding SET ClosedDate = :now", now=well.clock())
    assert on(well) == {}


@pytest.mark.parametrize("name", [health.RUN_FAILED, health.RUN_LATE])
def test_a_bad_run_is_told_for_an_hour(well: Flow, name: str) -> None:
    alerts.note_run(well.portal, name, "associate_customer", "run x failed", now=well.clock())
    assert "failed or late in the last hour: associate_customer" in on(well)["run_failed"]
    assert after(well, 61) == {}


def test_a_database_that_does_not_answer_is_one_line() -> None:
    said = CliRunner(env={URL_VARIABLE: "postgresql+psycopg2://nobody:x@127.0.0.1:1/portal"}).invoke(app, ["health"])
    assert said.exit_code == health.NOT_WELL
    (line,) = said.stdout.splitlines()
    assert re.fullmatch(r"ALARM  database_down +no database answers .*-> docs/runbooks/database_down.md", line)


def test_the_command_says_the_ten_lines_and_whether_all_is_well(
    portal: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = CliRunner(env={URL_VARIABLE: portal.url.render_as_string(hide_password=False)})
    said = shell.invoke(app, ["health"])
    assert said.exit_code == health.NOT_WELL
    lines = said.stdout.splitlines()
    assert [line.split()[1] for line in lines] == TEN
    assert lines[0].startswith("ALARM  job_silent")
    assert lines[0].endswith("-> docs/runbooks/job_silent.md")
    monkeypatch.setattr(health, "read_figures", lambda *_, **__: snapshot.Figures(jobs=dict.fromkeys(snapshot.JOBS, 0)))
    assert shell.invoke(app, ["health"]).exit_code == health.WELL
    assert CliRunner(env={URL_VARIABLE: None}).invoke(app, ["health"]).exit_code == 2


def test_the_figures_are_those_of_the_world(well: Flow) -> None:
    well.run(request([*PLAIN[:5], groups().archived[0]]))
    asked(well, is_sent=False)
    budget = open_account(well)
    budget.take(3, Pace.AT_ONCE)
    found = read_figures(well.portal, now=well.clock() + timedelta(seconds=10)).metrics
    assert set(found) == set(METRICS) | {f"account.revio_a.{name}" for name in ACCOUNT_METRICS}
    assert (found["devices.processed"], found["devices.device_archived"]) == (5, 1)
    assert (found["changes.new"], found["changes.oldest_seconds"]) == (1, 10)
    assert (found["outbox.message"], found["outbox.notification"]) == (2, 1)
    assert (found["account.revio_a.calls_last_minute"], found["account.revio_a.budget_used"]) == (3, 0.006)


def test_each_alarm_has_a_page_that_says_what_to_do_and_each_page_is_an_alarm_s() -> None:
    pages = {file.stem: file.read_text(encoding="utf-8") for file in (REPOSITORY / health.RUNBOOKS).glob("*.md")}
    assert set(pages) == set(health.ALARMS)
    parts = ["What it means", "What to look at", "What to do", "How you know that it is over"]
    for name, page in pages.items():
        assert page.startswith(f"# {name}: ")
        assert re.findall(r"^## (.*)$", page, re.MULTILINE) == parts
        for link in re.findall(r"\]\(([^)]+)\)", page):
            assert (REPOSITORY / health.RUNBOOKS / link).resolve().is_file(), link


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    shown = set(
        re.findall(r"airflow_device_association_\w+", (REPOSITORY / "deploy/grafana_dashboard.json").read_text())
    )
    prefix = "airflow_device_association_"
    accounts = {prefix + "account_"}
    names = {prefix + name.replace(".", "_") for name in (*METRICS, *QUEUE_METRICS)}
    assert shown == names | accounts
    text_of = (REPOSITORY / "deploy/grafana_dashboard.json").read_text()
    assert set(re.findall(r"_account_\.\+_(\w+)", text_of)) == set(ACCOUNT_METRICS)


def told(flow: Flow, check: health.Check | None = None, *, fails: Callable[[str], None] | None = None) -> list[str]:
    said: list[str] = []
    if check is not None:
        alerts.keep_alarms(flow.portal, [check], now=flow.clock())
    alerts.send_alerts(flow.portal, fails or said.append, now=flow.clock())
    return said


ON, OFF = health.Check("change_late", True, "1 change"), health.Check("change_late", False, "0 changes")


def test_an_alarm_is_told_when_it_begins_once_a_day_while_it_lasts_and_when_it_is_over(flow: Flow) -> None:
    assert told(flow, OFF) == []
    assert told(flow, ON) == ["ALARM: change_late: 1 change -> docs/runbooks/change_late.md"]
    assert told(flow, ON) == []
    flow.clock.pass_seconds(86401)
    assert len(told(flow, ON)) == 1
    assert told(flow, OFF)[0].startswith("OVER: change_late (since 2026-11-24 12:00 UTC)")
    assert told(flow, OFF) == []
    assert len(told(flow, ON)) == 1


def test_an_alarm_that_could_not_be_told_is_told_by_the_next_run(flow: Flow) -> None:
    def fail(text: str) -> None:
        raise ConnectionError(text)

    with pytest.raises(ConnectionError):
        told(flow, ON, fails=fail)
    assert len(told(flow)) == 1


def test_an_alarm_that_ended_before_it_was_told_is_nobody_s_affair(flow: Flow) -> None:
    alerts.keep_alarms(flow.portal, [ON], now=flow.clock())
    assert told(flow, OFF) == []


def test_failed_runs_of_one_dag_are_told_once_an_hour(flow: Flow) -> None:
    for expected in (1, 0, 0):
        alerts.note_run(flow.portal, "run_failed", "listen_bulk_changes", "run x failed", now=flow.clock())
        assert len(told(flow)) == expected
        flow.clock.pass_seconds(20 * 60)
    flow.clock.pass_seconds(60)
    alerts.note_run(flow.portal, "run_failed", "listen_bulk_changes", "run y failed", now=flow.clock())
    assert told(flow) == ["ALARM: run_failed: run y failed -> docs/runbooks/run_failed.md"]


def test_an_alarm_raised_anew_while_it_is_told_stays_to_be_told(flow: Flow) -> None:
    def end_and_raise(_text: str) -> None:
        flow.clock.pass_seconds(1)
        alerts.keep_alarms(flow.portal, [OFF], now=flow.clock())
        alerts.keep_alarms(flow.portal, [ON], now=flow.clock())

    told(flow, ON, fails=end_and_raise)
    assert len(told(flow)) == 1

"""A DAG that is paused, or a pool that is gone, is an alarm within two reports, and over with the next one."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DagResult, DRCount, ErrorResponse, GetDag, GetDRCount, GetTICount, TICount

from device_association.monitoring import alerts, health, snapshot
from device_association.monitoring.snapshot import read_figures
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Limits
from device_association_airflow import airflow_runs
from device_association_airflow.tasks.health import note_stopped
from local.sample_data import groups
from tests.flow import Flow, request

pytestmark = pytest.mark.airflow
PLAIN = groups().plain
REPORT = 300


class Airflow:
    """Stands for the supervisor: which DAGs are paused or have a run, and how the tasks of the lines stand."""

    def __init__(self) -> None:
        self.paused: set[str] = set()
        self.in_run: set[str] = set()
        self.tasks: dict[str, list[str]] = {}
        self.fails = False

    def send(self, asked: Any) -> Any:
        if self.fails:
            raise RuntimeError("500")
        if isinstance(asked, GetDag):
            if asked.dag_id == "redrive_dead_letters":
                return ErrorResponse()
            unknown: Any = dict.fromkeys(("bundle_name", "bundle_version", "relative_fileloc", "owners", "next_dagrun"))
            return DagResult(dag_id=asked.dag_id, is_paused=asked.dag_id in self.paused, tags=[], **unknown)
        if isinstance(asked, GetDRCount):
            return DRCount(count=int(asked.dag_id in self.in_run))
        assert isinstance(asked, GetTICount)
        assert asked.task_ids == ["create_rev_service"]
        of_runs = [state for run, states in self.tasks.items() if asked.run_ids in (None, [run]) for state in states]
        return TICount(count=sum(state in (asked.states or ()) for state in of_runs))


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    found = Airflow()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", found, raising=False)
    return found


def report(flow: Flow) -> list[str]:
    """Run the part of the report that looks at Airflow; return what a person is told."""
    note_stopped(flow.portal, flow.clock())
    told: list[str] = []
    alerts.send_alerts(flow.portal, told.append, now=flow.clock())
    return told


def line(flow: Flow) -> health.Check:
    return next(one for one in health.checks(read_figures(flow.portal, now=flow.clock())) if one.name == "run_failed")


def test_a_dag_that_is_paused_is_told_with_the_next_report_and_so_is_its_end(flow: Flow, airflow: Airflow) -> None:
    assert report(flow) == []
    airflow.paused.add("associate_customer")
    (told,) = report(flow)
    assert told.startswith("ALARM: run_stopped: DAG associate_customer is paused")
    assert told.endswith("docs/runbooks/run_stopped.md")
    assert (line(flow).is_on, "stopped: associate_customer" in line(flow).message) == (True, True)
    assert report(flow) == []
    airflow.paused.clear()
    (over,) = report(flow)
    assert over.startswith("OVER: run_stopped")
    assert not line(flow).is_on


@pytest.mark.parametrize("dag_id", airflow_runs.ALSO_PAUSED[:1])
def test_a_dag_that_may_be_paused_is_told_only_in_the_middle_of_a_run(
    flow: Flow, airflow: Airflow, dag_id: str
) -> None:
    airflow.paused.add(dag_id)
    assert report(flow) == []
    airflow.in_run.add(dag_id)
    assert len(report(flow)) == 1


def in_work(flow: Flow) -> str:
    """Return the run of a change whose lines are to be made."""
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id, "bulk_change__7__0")
    flow.check(claim)
    return claim.run_id


def test_a_pool_that_is_gone_is_told_within_two_reports(flow: Flow, airflow: Airflow) -> None:
    airflow.tasks = {in_work(flow): ["scheduled", "scheduled"]}
    assert report(flow) == [], "its tasks were scheduled this moment"
    flow.clock.pass_seconds(REPORT)
    (told,) = report(flow)
    assert "wait for a slot of the pool 'rev_services', and no task of the pool is at work" in told
    flow.clock.pass_seconds(REPORT)
    assert report(flow) == []
    airflow.tasks = {"bulk_change__7__0": ["running", "scheduled"]}
    (over,) = report(flow)
    assert over.startswith("OVER: run_stopped")


def test_a_change_that_waits_behind_another_s_calls_is_no_alarm(flow: Flow, airflow: Airflow) -> None:
    airflow.tasks = {in_work(flow): ["scheduled"], "another": ["running"]}
    flow.clock.pass_seconds(REPORT)
    assert report(flow) == []


def test_a_change_whose_slices_wait_for_their_next_try_is_no_alarm(flow: Flow, airflow: Airflow) -> None:
    airflow.tasks = {in_work(flow): ["up_for_retry"]}
    flow.clock.pass_seconds(REPORT)
    assert report(flow) == []


@pytest.mark.usefixtures("airflow")
def test_a_change_whose_account_is_paused_is_no_alarm(flow: Flow) -> None:
    budget = RateLimiter(flow.portal, "revio_northwind", Limits(), flow.clock)
    budget.open()
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id, "bulk_change__7__0")
    flow.check(claim)
    flow.settings = flow.settings.model_copy(update={"rev_retry_window_seconds": 0.1})
    flow.lines(claim)
    budget.pause(3600, "turned away")
    flow.clock.pass_seconds(REPORT)
    assert snapshot.list_quiet_changes(flow.portal, now=flow.clock()) == []


def test_an_airflow_that_does_not_answer_ends_no_alarm_and_costs_no_other(flow: Flow, airflow: Airflow) -> None:
    airflow.paused.add("associate_customer")
    assert len(report(flow)) == 1
    airflow.fails = True
    assert report(flow) == []
    assert line(flow).is_on

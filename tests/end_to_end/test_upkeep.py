"""The upkeep in real Airflow: plans whose date has come, by hand and by backfill; what was left lying, by the sweep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, update

from local.sample_data import groups
from tests.end_to_end.running import ENDED, Running

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]
PLAIN = groups().plain
WITHOUT_LINE: dict[str, Any] = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}
PLAN, SWEEP, APPROVE = "apply_scheduled_rate_plans", "sweep_associations", "approve_bulk_changes"
QUEUE = "device_customerrateplanorratepool_queue"


def date_queue(running: Running, change: int, date: datetime) -> None:
    """Let the queued plans of a change be due from this date on."""
    queue = Table(QUEUE, MetaData(), schema="dbo", autoload_with=running.portal)
    with running.portal.begin() as connection:
        connection.execute(update(queue).where(queue.c.bulkchangeid == change).values(effectivedate=date))


def plans(running: Running, change: int) -> list[tuple[str, bool]]:
    """Return the outcome of each plan of a change, and whether its device has the plan."""
    outcomes = {one["queueid"]: one["outcome"] for one in running.table("plan_outcome")}
    has = {one["deviceid"]: one["customerrateplanid"] for one in running.table("device_tenant", "dbo")}
    queued = running.table(QUEUE, "dbo", bulkchangeid=change)
    return [(outcomes.get(one["id"], "waits"), has[one["deviceid"]] == one["customerrateplanid"]) for one in queued]


def test_a_plan_is_set_when_its_hour_has_come_and_a_backfill_over_that_hour_sets_it_no_second_time(
    running: Running,
) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    tomorrow = (hour + timedelta(days=1)).isoformat()
    change = running.ask(
        PLAIN[650:653], AddCustomerRatePlan=True, CustomerRatePlan="1", EffectiveDate=tomorrow, **WITHOUT_LINE
    )
    assert running.ended(change) == "PROCESSED"
    assert running.start(PLAN) == "success"
    assert plans(running, change) == [("waits", False)] * 3

    date_queue(running, change, hour - timedelta(hours=2))
    assert running.start(PLAN) == "success"
    assert plans(running, change) == [("APPLIED", True)] * 3
    history = running.table("deviceactionhistory", "dbo", bulkchangeid=change)
    for _ in range(2):
        states = running.backfill(PLAN, hour - timedelta(hours=4), hour)
        assert len(states) >= 4
        assert set(states) == {"success"}
    assert running.table("deviceactionhistory", "dbo", bulkchangeid=change) == history


def test_the_sweep_sends_what_was_not_sent(running: Running) -> None:
    change = running.create(PLAIN[655:657], **WITHOUT_LINE).change_id
    assert running.status(change) == "NEW"
    assert running.start(SWEEP) == "success"
    assert running.ended(change) == "PROCESSED"


def test_a_second_person_approves_in_airflow_and_the_change_runs(running: Running) -> None:
    api = running.api("dora.ops")
    api.post("/M2M/ApprovalRule", {"MostDevices": 2})
    try:
        change = running.create(PLAIN[660:663], "carl.clerk", **WITHOUT_LINE).change_id
    finally:
        api.post("/M2M/ApprovalRule", {})
    assert running.status(change) == "PENDING_APPROVAL"
    assert running.start(SWEEP) == "success"
    waiting = f"/api/v2/dags/{APPROVE}/dagRuns/~/taskInstances?state=awaiting_input&limit=100"
    shown = f"bulk change {change}"
    running.wait(lambda: shown in [one["rendered_map_index"] for one in api.get(waiting)["task_instances"]])
    question = next(one for one in api.get(waiting)["task_instances"] if one["rendered_map_index"] == shown)
    asked = (
        f"/api/v2/dags/{APPROVE}/dagRuns/{question['dag_run_id']}/taskInstances/approval.ask/{question['map_index']}"
    )
    runs = api.get(f"/api/v2/dags/{APPROVE}/dagRuns?limit=100")["dag_runs"]
    assert "3 devices, more than 2" in api.get(f"{asked}/hitlDetails")["body"]
    running.wait(lambda: running.saw_end(APPROVE, question["dag_run_id"], "approval.ask"))
    api.patch(f"{asked}/hitlDetails", {"chosen_options": ["Approve"], "params_input": {"reason": "checked"}})
    running.wait(lambda: running.status(change) != "PENDING_APPROVAL")
    assert running.ended(change) == "PROCESSED", running.codes(change)
    answered = asked.replace("approval.ask", "approval.answer")
    running.wait(lambda: api.get(answered)["state"] in ENDED)
    assert (api.get(answered)["state"], api.get(answered)["rendered_map_index"]) == ("success", shown)
    assert running.start(SWEEP) == "success"
    assert len(api.get(f"/api/v2/dags/{APPROVE}/dagRuns?limit=100")["dag_runs"]) == len(runs), "nobody is asked again"

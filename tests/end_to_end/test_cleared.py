"""What a person clears in Airflow's UI redoes only what is not final; the simulator's counters say who was called."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, update

from local.sample_data import groups
from tests.end_to_end.running import Running, body

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]
PLAIN = groups().plain
DAG = "/api/v2/dags/associate_customer"


def clear(running: Running, run_id: str, *tasks: Any) -> None:
    """Clear tasks as the UI does; a mapped instance is a pair of its task and its index."""
    running.api().post(
        f"{DAG}/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run_id, "task_ids": list(tasks), "only_failed": False},
    )


def begun(running: Running, change: int) -> str:
    """Return the id of a change's run, once it exists."""
    running.wait(lambda: bool(running.runs_of(change)))
    return running.runs_of(change)[0]


def attempts(running: Running, run_id: str, task: str) -> dict[int, int]:
    """Return how often each instance of a task was tried."""
    found = running.api().get(f"{DAG}/dagRuns/{run_id}/taskInstances?limit=1000")["task_instances"]
    return {one["map_index"]: one["try_number"] for one in found if one["task_id"] == task}


def text_of(running: Running, run_id: str, task: str, index: int) -> str:
    """Return all that an instance logged, over all its tries."""
    folder = running.stack.settings.airflow_home / "logs" / "dag_id=associate_customer" / f"run_id={run_id}"
    files = sorted((folder / f"task_id={task}" / f"map_index={index}").glob("*.log"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def posts(running: Running) -> int:
    return int(running.control("GET", "counters").get("POST /v1/Services", 0))


def test_a_failed_instance_that_is_cleared_while_others_work_calls_only_for_its_own_device(running: Running) -> None:
    devices = PLAIN[300:308]
    running.control("PATCH", "settings", {"latency_ms": 2000})
    before = posts(running)
    change = running.ask(devices)
    run_id = begun(running, change)
    running.wait(lambda: _state(running, run_id, 0) == "running" and _called(running, devices[0]))
    running.fail(run_id, "create_rev_service", 0)
    running.wait(lambda: _state(running, run_id, 0) == "failed")
    clear(running, run_id, ["create_rev_service", 0])
    running.control("PATCH", "settings", {"latency_ms": 0})
    assert running.ended(change) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in devices} == {1}
    assert posts(running) - before == len(devices)
    tries = attempts(running, run_id, "create_rev_service")
    assert tries[0] > 1
    assert {index: tries[index] for index in range(1, 8)} == dict.fromkeys(range(1, 8), 1)


def test_an_instance_that_is_cleared_after_the_change_has_ended_calls_nobody_and_says_what_to_do(
    running: Running,
) -> None:
    change = running.ask(PLAIN[310:312])
    run_id = begun(running, change)
    assert running.run(run_id) == "success"
    before = Counter(running.control("GET", "counters"))
    clear(running, run_id, ["create_rev_service", 0])
    running.wait(lambda: "use Retry on the change" in text_of(running, run_id, "create_rev_service", 0))
    running.run(run_id)
    assert Counter(running.control("GET", "counters")) == before
    assert running.status(change) == "PROCESSED"


def test_a_run_of_an_earlier_retry_that_is_cleared_while_a_later_one_works_ends_as_claim_lost(running: Running) -> None:
    devices = PLAIN[320:322]
    running.control("POST", "faults", {"effect": "reject_object", "numbers": list(devices)})
    change = running.ask(devices)
    first = begun(running, change)
    assert running.run(first) == "failed"
    running.control("DELETE", "faults")
    running.control("PATCH", "settings", {"latency_ms": 4000})
    before = posts(running)
    _ask_again(running, change)
    running.wait(lambda: _called(running, devices[0]))
    clear(running, first, ["create_rev_service", 0])
    running.wait(lambda: "no longer holds bulk change" in text_of(running, first, "create_rev_service", 0))
    assert running.ended(change) == "PROCESSED"
    assert posts(running) - before == len(devices)
    assert {running.lines()[iccid] for iccid in devices} == {1}


def _state(running: Running, run_id: str, index: int) -> str:
    return running.tasks(run_id).get(f"create_rev_service{index}", "")


def _called(running: Running, iccid: str) -> bool:
    return any(one["iccid"] == iccid for one in running.table("line_intent", state="CALLING"))


def _ask_again(running: Running, change: int) -> None:
    """Open a change's failed rows again under the next retry number, as the domain contract, section 4, says of Retry."""
    open_again = {"errorcode": None, "statusdetails": None, "isprocessed": 0, "haserrors": 0}
    with running.portal.begin() as connection:
        for schema, name, key, values in (
            ("dbo", "m2m_devicechange", "bulkchangeid", {"status": "NEW", **open_again}),
            ("dbo", "devicebulkchange", "id", {"status": "NEW"}),
            ("device_association", "change_state", "bulkchangeid", {"retrynumber": 1}),
        ):
            table = Table(name, MetaData(), schema=schema, autoload_with=connection)
            connection.execute(update(table).where(table.c[key] == change).values(**values))
    running.put(body(change, retry=1))

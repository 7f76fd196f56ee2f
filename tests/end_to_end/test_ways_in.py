"""One full run for each way in, and what must never happen twice, on the real stack."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import MetaData, select

from local.sample_data import groups, world
from tests.end_to_end.running import Running, body
from tests.flow import request

pytestmark = pytest.mark.end_to_end
PLAIN = groups().plain


def test_a_message_becomes_lines_and_associations(running: Running) -> None:
    change = running.ask([*PLAIN[:3], *groups().not_found])
    assert running.ended(change) == "PARTIALLY_PROCESSED"
    run_id = f"bulk_change__{change}__0"
    assert running.run(run_id) == "success"
    assert {running.lines()[iccid] for iccid in PLAIN[:3]} == {1}
    mapped = running.api().get(
        f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances/create_rev_service/listMapped"
    )
    assert {one["rendered_map_index"] for one in mapped["task_instances"]} == set(PLAIN[:3])


def test_the_form_makes_one_change_of_the_person_and_a_cleared_task_makes_no_other(running: Running) -> None:
    run_id = running.trigger(request(PLAIN[10:12], RateList=[], RevProductIdList=[]))
    assert running.run(run_id) == "success"
    made = running.table("change_state", runkey=run_id)
    assert [one["actor"] for one in made] == ["dora.ops"]
    running.api().post(
        "/api/v2/dags/associate_customer/clearTaskInstances",
        {"dry_run": False, "dag_run_id": run_id, "task_ids": ["open_bulk_change"], "only_failed": False},
    )
    running.wait(lambda: "use Retry" in running.log(run_id, "open_bulk_change", attempt=2))
    assert running.run(run_id) == "success"
    assert len(running.table("change_state", runkey=run_id)) == 1
    assert running.status(made[0]["bulkchangeid"]) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in PLAIN[10:12]} == {1}


@pytest.mark.slow
def test_a_refused_form_is_red_and_its_first_line_says_why(running: Running) -> None:
    run_id = running.trigger(request(PLAIN[:1], RevCustomerId=world.CLOSED))
    assert running.run(run_id) == "failed"
    errors = [
        line
        for line in map(json.loads, running.log(run_id, "open_bulk_change").splitlines())
        if line["level"] == "error"
    ]
    assert errors[0]["event"].startswith("CUSTOMER_CLOSED: customer 4713")


@pytest.mark.slow
def test_an_existing_change_without_its_id_is_refused_by_the_form(running: Running) -> None:
    run_id = running.trigger({"start_with": "an existing change (its id below)"})
    assert running.run(run_id) == "failed"
    assert "fill in its id (field bulk_change_id)" in running.log(run_id, "open_bulk_change")


def test_a_person_without_the_right_starts_nothing(running: Running) -> None:
    run_id = running.trigger(request(PLAIN[:1]), user="vic.viewer")
    assert running.run(run_id) == "failed"
    assert "PERMISSION_DENIED" in running.log(run_id, "open_bulk_change")


def test_one_message_three_times_is_one_run(running: Running) -> None:
    change = running.ask(PLAIN[20:22])
    for _ in range(2):
        running.put(body(change))
    assert running.ended(change) == "PROCESSED"
    running.put(body(change))
    running.wait(lambda: _waiting(running) == 0)
    assert running.runs_of(change) == [f"bulk_change__{change}__0"]
    assert {running.lines()[iccid] for iccid in PLAIN[20:22]} == {1}


@pytest.mark.slow
def test_an_attribute_only_message_works_and_garbage_delays_nobody(running: Running) -> None:
    for garbage in ("", "{", '{"BulkChangeId": "x"}', body(10**9), body(1, 7)):
        running.put(garbage or " ")
    change = running.create(PLAIN[30:31]).change_id
    running.put("see attributes", {"BulkChangeId": str(change), "RetryNumber": "0"})
    assert running.ended(change) == "PROCESSED"
    assert running.runs_of(10**9) == []


@pytest.mark.slow
def test_ten_messages_at_once_are_ten_runs(running: Running) -> None:
    changes = [running.create([iccid], CreateRevService=False).change_id for iccid in PLAIN[40:50]]
    running.send()
    assert {running.ended(change) for change in changes} == {"PROCESSED"}


@pytest.mark.slow
def test_an_answer_that_lies_still_makes_one_line(running: Running) -> None:
    running.control("POST", "faults", {"effect": "error_after", "numbers": [PLAIN[60]], "times": 1})
    change = running.ask(PLAIN[60:62])
    assert running.ended(change) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in PLAIN[60:62]} == {1}


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_its_calls_leaves_one_line_a_sim(running: Running) -> None:
    running.control("PATCH", "settings", {"latency_ms": 1500})
    change = running.ask(PLAIN[70:76])
    running.wait(lambda: _calling(running) > 1)
    for process in _task_processes(running):
        process.send_signal(signal.SIGKILL)
    running.control("PATCH", "settings", {"latency_ms": 0})
    assert running.ended(change) == "PROCESSED"
    assert {running.lines()[iccid] for iccid in PLAIN[70:76]} == {1}
    history = running.table("deviceactionhistory", schema="dbo", bulkchangeid=change)
    assert len({(one["iccid"], one["changedfield"]) for one in history}) == len(history)


@pytest.mark.slow
def test_a_change_that_reached_nobody_is_red_and_one_slice_s_refusal_is_not(running: Running) -> None:
    running.control("POST", "faults", {"effect": "reject_object", "numbers": list(PLAIN[80:81])})
    refused = running.ask(PLAIN[80:81])
    partly = running.ask(PLAIN[80:82])
    assert running.ended(refused) == "ERROR"
    assert running.run(f"bulk_change__{refused}__0") == "failed"
    assert running.ended(partly) == "PARTIALLY_PROCESSED"
    assert running.run(f"bulk_change__{partly}__0") == "success"


@pytest.mark.slow
def test_a_receiver_that_is_down_changes_no_colour(running: Running) -> None:
    requests.post(f"{running.stack.settings.notification_url}/_control/fail?times=1", timeout=10).raise_for_status()
    change = running.ask(PLAIN[90:91], CreateRevService=False)
    assert running.ended(change) == "PROCESSED"
    assert running.run(f"bulk_change__{change}__0") == "success"
    running.wait(lambda: all(one["sentdate"] for one in running.table("outbox", bulkchangeid=change)))


@pytest.mark.slow
def test_a_run_started_by_form_while_another_holds_the_change_skips_everything(running: Running) -> None:
    running.control("PATCH", "settings", {"latency_ms": 2000})
    change = running.ask(PLAIN[100:101])
    running.wait(lambda: running.status(change) == "PROCESSING")
    run_id = running.trigger({"bulk_change_id": change})
    assert running.run(run_id) == "success"
    assert running.tasks(run_id)["close_bulk_change-1"] == "skipped"
    assert f"held by run bulk_change__{change}__0" in running.log(run_id, "open_bulk_change")
    assert running.ended(change) == "PROCESSED"
    assert running.lines()[PLAIN[100]] == 1


@pytest.mark.slow
def test_the_reconciliation_compares_days_and_lists_each_account_once(running: Running) -> None:
    """Here, behind all that needs lines which the mirror lacks: it brings them into the mirror."""
    running.api().patch("/api/v2/dags/reconcile_associations", {"is_paused": False})
    days = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert set(running.backfill("reconcile_associations", *days)) == {"success"}
    asked = running.control("GET", "counters")["GET /v1/Services"]
    assert len(running.table("revio_snapshot_line")) > 0
    assert set(running.backfill("reconcile_associations", *days)) == {"success"}
    assert running.control("GET", "counters")["GET /v1/Services"] == asked


def test_no_secret_is_to_be_found_in_logs_xcom_rendered_fields_or_tables(running: Running) -> None:
    stack = running.stack
    seed = json.loads(stack.settings.seed_file.read_text(encoding="utf-8"))
    hidden = {account["subscription_key"] for account in seed["accounts"]}
    hidden |= {user["password"] for account in seed["accounts"] for user in account["users"]}
    hidden |= {stack.secrets.postgres_password, stack.secrets.notification_token, stack.secrets.aws_secret_key}
    hidden |= {stack.secrets.fernet_key, stack.secrets.jwt_secret, *stack.passwords.values()}
    places = {str(path): path.read_text(encoding="utf-8", errors="replace") for path in _logs(running)}
    places |= _tables(running, "portal") | _tables(running, "airflow")
    assert len(places) > 50
    found = {place for place, text in places.items() for secret in hidden if secret in text}
    assert found == set()


def test_between_tasks_travel_ids_only(running: Running) -> None:
    kept = _tables(running, "airflow")["airflow.public.xcom"]
    assert "bulk_change_id" in kept
    assert not [iccid for iccid in PLAIN[:300] if iccid in kept]


def _logs(running: Running) -> list[Path]:
    settings = running.stack.settings
    return [*settings.logs_dir.rglob("*.log"), *(settings.airflow_home / "logs").rglob("*.log")]


def _tables(running: Running, database: str) -> dict[str, str]:
    from device_association.database.execution import make_engine
    from local.stack.servers import postgres

    engine = make_engine(postgres.url(running.stack.settings, running.stack.secrets, database))
    metadata = MetaData()
    for schema in ("dbo", "device_association") if database == "portal" else ("public",):
        metadata.reflect(engine, schema=schema)
    with engine.connect() as connection:
        texts = {
            f"{database}.{name}": repr(connection.execute(select(table)).all())
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    return texts


def _calling(running: Running) -> int:
    return len(running.table("line_intent", state="CALLING"))


def _task_processes(running: Running) -> list[psutil.Process]:
    """Return the scheduler's task processes: the children of its workers, which are the supervisors."""
    pid = next(one.pid for one in running.stack.status() if one.name == "scheduler")
    workers = psutil.Process(pid).children()
    return [child for worker in workers for child in worker.children(recursive=True)]


def _waiting(running: Running) -> int:
    from local.stack.servers import message_queue

    queue = message_queue.client(running.stack.settings, running.stack.secrets)
    answer = queue.get_queue_attributes(
        QueueUrl=running.stack.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    queue.close()
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])

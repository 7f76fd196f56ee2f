"""The DAGs as Airflow reads them: what is in them, how it hangs together, and what every task must have."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = {
    "apply_scheduled_rate_plans",
    "approve_bulk_changes",
    "associate_customer",
    "listen_bulk_changes",
    "reconcile_associations",
    "redrive_dead_letters",
    "refresh_association_form",
    "report_health",
    "sweep_associations",
    "tidy_working_tables",
}
READ_DAGS = """
import json, sys, time
from datetime import datetime, timezone
from pathlib import Path
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from device_association_airflow.operators import ask_person, bulk_change_sensor, check_data
from device_association_airflow.tasks import approval, association, dead_letters, health
from device_association_airflow.tasks import maintenance, rate_plans, reconciliation
bag = DagBag(sys.argv[1], collect_dags=False)
seconds = {}
for file in sorted(Path(sys.argv[1]).glob("*.py")):
    began = time.process_time()
    bag.process_file(str(file))
    seconds[file.name] = time.process_time() - began
plans = DagSerialization.from_dict(DagSerialization.to_dict(bag.dags["apply_scheduled_rate_plans"]))
plugins_manager.ensure_plugins_loaded()
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
between = [datetime(2026, 3, 29, hour, tzinfo=timezone.utc) for hour in (0, 2)]
print(json.dumps({
    "backfill": [
        [moment.isoformat() for moment in (*one.data_interval, one.run_after)]
        for one in plans.iter_dagrun_infos_between(*between)
    ],
    "seconds": seconds,
    "errors": bag.import_errors,
    "plugin_errors": plugins_manager.get_import_errors(),
    "plugins": [one["name"] for one in plugins_manager.get_plugin_info() if one["name"].startswith("device")],
    "modules": {name: file for name, file in files.items() if file.startswith(sys.argv[2])},
    "heavy": sorted(set(sys.modules) & {"great_expectations", "pandas"}),
    "dags": {
        dag.dag_id: {
            "doc": dag.doc_md or "",
            "max_active_runs": dag.max_active_runs,
            "timetable": type(dag.timetable).__name__,
            "catchup": dag.catchup,
            "told_when_failed": getattr(dag.on_failure_callback, "__name__", None),
            "deadlines": [
                [type(one.reference).__name__, one.interval.total_seconds(), one.callback.path] for one in dag.deadline or []
            ],
            "kept": DagSerialization.from_dict(DagSerialization.to_dict(dag)).has_on_failure_callback,
            "defaults": {name: str(dag.params.get_param(name).value) for name in dag.params},
            "params": {name: dict(dag.params.get_param(name).schema) for name in dag.params},
            "tasks": {
                task.task_id: {
                    "downstream": sorted(task.downstream_task_ids),
                    "owner": task.owner,
                    "retries": task.retries,
                    "timeout": bool(task.execution_timeout or getattr(task, "response_timeout", None)),
                    "rule": task.trigger_rule.value,
                    "teardown": task.is_teardown,
                }
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what Airflow finds in the DAG folder, read in a process of its own."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DEVICE"))} | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_VAR_DEVICE_ASSOCIATION_FORM_CHOICES": '{"ServiceProviderId": {"3": "Verizon"}}',
        "DEVICE_ASSOCIATION_QUEUE_URL": "http://127.0.0.1:9/queue",
        "PYTHONPATH": f"{REPOSITORY / 'include'}:{REPOSITORY / 'plugins'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", READ_DAGS, str(REPOSITORY / "dags"), str(REPOSITORY / "plugins")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_dag_file_is_read_without_an_error_and_without_heavy_imports(read: dict[str, Any]) -> None:
    assert read["errors"] == {}
    assert read["heavy"] == []
    assert set(read["dags"]) == DAGS


def test_the_one_plugin_is_loaded_and_no_module_of_a_room_a_second_time(read: dict[str, Any]) -> None:
    """Airflow loads every file of the folder that `.airflowignore` does not name, under its bare name."""
    assert (read["plugins"], read["plugin_errors"]) == (["device_association"], {})
    bare = {name for name in read["modules"] if name.split(".")[0] != "device_association_airflow"}
    assert bare == {"device_association_plugin"}
    assert "device_association_airflow.ui.views.changes" in read["modules"]


def test_every_dag_file_is_read_in_half_a_second(read: dict[str, Any]) -> None:
    """Of the processor's time, once the product is imported: a fresh checkout compiles it first, a busy machine waits."""
    assert set(read["seconds"]) == {f"{dag_id}.py" for dag_id in DAGS}
    assert {name: took for name, took in read["seconds"].items() if took > 0.5} == {}


def test_the_ten_tasks_hang_together_as_designed(read: dict[str, Any]) -> None:
    chain = [
        "open_bulk_change",
        "validate_devices",
        "check_data",
        "plan_rev_services",
        "create_rev_service",
        "associate_devices",
        "update_cross_provider_device_history",
        "update_device_rev_service_links",
        "close_bulk_change",
        "notify_2_0",
    ]
    tasks = read["dags"]["associate_customer"]["tasks"]
    assert set(tasks) == set(chain)
    for task, following in itertools.pairwise(chain):
        assert tasks[task]["downstream"] == [following]


def test_everything_from_the_association_on_runs_whatever_failed_before(read: dict[str, Any]) -> None:
    tasks = read["dags"]["associate_customer"]["tasks"]
    after = ["associate_devices", "update_cross_provider_device_history", "update_device_rev_service_links"]
    assert {tasks[name]["rule"] for name in [*after, "close_bulk_change"]} == {"all_done"}
    assert {name for name, task in tasks.items() if task["teardown"]} == {"notify_2_0"}


def test_every_task_has_an_owner_retries_and_a_timeout_and_every_dag_its_manual(read: dict[str, Any]) -> None:
    for dag in read["dags"].values():
        assert len(dag["doc"]) > 500
        for name, task in dag["tasks"].items():
            assert (task["owner"], task["timeout"]) == ("data-ops", True), name
            assert task["retries"] >= 3, name


def test_a_person_is_told_of_every_dag_s_failed_run_and_of_a_late_association(read: dict[str, Any]) -> None:
    assert {(dag["told_when_failed"], dag["kept"]) for dag in read["dags"].values()} == {("alert_failure", True)}
    path = "device_association_airflow.alert_notifiers.alert_late"
    late = {name: dag["deadlines"] for name, dag in read["dags"].items() if dag["deadlines"]}
    assert late == {"associate_customer": [["RunQueued", 540 * 60.0, path]]}


def test_health_is_told_also_when_the_metrics_fail(read: dict[str, Any]) -> None:
    tasks = read["dags"]["report_health"]["tasks"]
    assert {name: task["downstream"] for name, task in tasks.items()} == {"report_figures": [], "send_alerts": []}


def test_the_listener_has_one_run_with_two_that_listen_and_the_association_leaves_room(read: dict[str, Any]) -> None:
    listener = read["dags"]["listen_bulk_changes"]
    assert (list(listener["tasks"]), listener["max_active_runs"]) == (
        ["poll_queue_1", "poll_queue_2"],
        1,
    )
    assert read["dags"]["associate_customer"]["max_active_runs"] == 64


def test_dead_letters_are_only_looked_at_until_somebody_says_more(read: dict[str, Any]) -> None:
    dag = read["dags"]["redrive_dead_letters"]
    assert (list(dag["tasks"]), dag["max_active_runs"]) == (["redrive"], 1)
    assert dag["defaults"]["what"] == "only look"
    assert dag["params"]["what"]["enum"] == ["only look", "put back the good ones, set aside the rest"]
    assert dag["params"]["message_ids"]["items"]["pattern"] == "^[A-Za-z0-9-]{1,100}$"


def test_scheduled_plans_have_one_run_an_hour_and_a_backfill_one_for_each_hour(read: dict[str, Any]) -> None:
    dag = read["dags"]["apply_scheduled_rate_plans"]
    assert (list(dag["tasks"]), dag["max_active_runs"], dag["catchup"]) == (["apply_due_plans"], 1, False)
    hours = [f"2026-03-{day}T{hour}:00:00+00:00" for day, hour in ((28, 23), (29, "00"), (29, "01"), (29, "02"))]
    assert read["backfill"] == [[start, end, end] for start, end in itertools.pairwise(hours)]


def test_reconciliation_has_a_day_s_interval_and_compares_the_accounts_apart_from_the_changes(
    read: dict[str, Any],
) -> None:
    dag = read["dags"]["reconcile_associations"]
    assert (dag["timetable"], dag["catchup"], dag["max_active_runs"]) == ("CronDataIntervalTimetable", False, 1)
    assert {name: task["downstream"] for name, task in dag["tasks"].items()} == {
        "list_accounts": ["reconcile_account", "reconcile_changes"],
        "reconcile_account": [],
        "reconcile_changes": [],
    }


def test_the_form_has_every_field_of_the_request(read: dict[str, Any]) -> None:
    from device_association.domain.association_request import AssociateCustomer

    fields = {field.alias for field in AssociateCustomer.model_fields.values()}
    assert set(read["dags"]["associate_customer"]["params"]) == fields | {"start_with", "bulk_change_id"}


def test_the_form_offers_by_name_what_was_stored_for_it(read: dict[str, Any]) -> None:
    params = read["dags"]["associate_customer"]["params"]
    assert params["ServiceProviderId"]["values_display"]["3"] == "Verizon (3)"
    assert "enum" not in params["ProviderId"]


@pytest.mark.parametrize("file", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda file: file.name)
def test_a_dag_file_only_wires_and_documents(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 80
    assert [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)] == [file.stem]


def test_the_sweep_sends_what_is_owed_after_everything_else_whatever_failed(read: dict[str, Any]) -> None:
    tasks = read["dags"]["sweep_associations"]["tasks"]
    sending = ["send_messages", "send_notifications"]
    assert {name: task["rule"] for name, task in tasks.items() if name in sending} == dict.fromkeys(sending, "all_done")
    first = {
        "settle_outcomes",
        "requeue_stalled",
        "close_overdue",
        "run_missing_procedures",
        "ask_for_approvals",
        "look_at_dead_letters",
    }
    assert set(tasks) == first | set(sending)
    assert all(tasks[name]["downstream"] == sending for name in first)

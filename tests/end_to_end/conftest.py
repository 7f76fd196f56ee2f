"""Complete stacks for the end-to-end tests: real Airflow, PostgreSQL, SQS, simulator and receiver, on free ports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, select

from device_association.bulk_changes import Created, create_bulk_change
from device_association.database import make_engine, row, rows
from device_association.outbox import MESSAGE, send_owed
from local import message_queue
from local.demo import lines_by_sim, queue_sender
from local.stack import Stack
from local.temporary import IMPATIENT, temporary_stack
from tests.flow import request as portal_request

ENDED = {"success", "failed"}
PATIENCE_SECONDS = 200
"""How long a test waits for what must come, which takes seconds: two stacks on two slow cores take their time."""
USERS = {"admin": "admin", "dora.ops": "op", "vic.viewer": "op"}


@dataclass
class Running:
    """The running stack, with what the tests ask of it."""

    stack: Stack
    portal: Engine

    def create(self, devices: Any, user: str = "dora.ops", **more: Any) -> Created:
        """Store a request as the portal does, without sending its message."""
        return create_bulk_change(
            self.portal,
            portal_request(devices, **more),
            user_name=user,
            now=datetime.now(UTC),
            max_devices=10_000,
        )

    def send(self) -> None:
        """Send every message that is owed."""
        send_owed(self.portal, MESSAGE, queue_sender(self.stack))

    def ask(self, devices: Any, **more: Any) -> int:
        """Store a request, send its message, and return the change's id."""
        created = self.create(devices, **more)
        self.send()
        return created.change_id

    def put(self, body: str, attributes: dict[str, str] | None = None) -> None:
        """Put any message into the queue."""
        queue = message_queue.client(self.stack.settings, self.stack.secrets)
        message_queue.put(queue, self.stack.queue_url, body, attributes or {})
        queue.close()

    def status(self, change_id: int) -> str:
        with self.portal.connect() as connection:
            found = row(connection, "bulk_changes/find_bulk_change", bulk_change_id=change_id)
        return str(found["status"]) if found else "missing"

    def ended(self, change_id: int) -> str:
        """Wait for a change's end and return its status."""
        self.wait(lambda: self.status(change_id) not in {"NEW", "PROCESSING"})
        return self.status(change_id)

    def codes(self, change_id: int) -> dict[str, str]:
        with self.portal.connect() as connection:
            listed = rows(connection, "device_changes/list_rows", bulk_change_id=change_id)
        return {one["iccid"]: one["error_code"] or one["status"] for one in listed}

    def table(self, name: str, schema: str = "device_association", **where: object) -> list[dict[str, Any]]:
        """Return the rows of a table of the portal's database, in the order of its key."""
        table = Table(name, MetaData(), schema=schema, autoload_with=self.portal)
        wanted = select(table).where(*(table.c[key] == value for key, value in where.items()))
        with self.portal.connect() as connection:
            found = connection.execute(wanted.order_by(*table.primary_key))
            return [dict(one) for one in found.mappings()]

    def run(self, run_id: str) -> str:
        """Wait for a run's end and return its state."""
        path = f"/api/v2/dags/associate_customer/dagRuns/{run_id}"
        self.wait(lambda: self.stack.api().get(path)["state"] in ENDED)
        return str(self.stack.api().get(path)["state"])

    def runs_of(self, change_id: int) -> list[str]:
        found = self.stack.api().get("/api/v2/dags/associate_customer/dagRuns?limit=1000&order_by=-start_date")
        wanted = f"bulk_change__{change_id}__"
        return [one["dag_run_id"] for one in found["dag_runs"] if one["dag_run_id"].startswith(wanted)]

    def tasks(self, run_id: str) -> dict[str, str]:
        found = self.stack.api().get(f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances?limit=1000")
        return {f"{one['task_id']}{one['map_index']}": one["state"] for one in found["task_instances"]}

    def trigger(self, filled_in: dict[str, Any], user: str = "dora.ops") -> str:
        """Start a run as the form does and return its id."""
        form = {"logical_date": None, "conf": filled_in}
        return str(self.stack.api(user).post("/api/v2/dags/associate_customer/dagRuns", form)["dag_run_id"])

    def start(self, dag_id: str) -> str:
        """Start a run of a DAG as a person does and return its state at the end."""
        api = self.stack.api()
        run_id = api.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        self.wait(lambda: api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"] in ENDED)
        return str(api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def backfill(self, dag_id: str, since: datetime, until: datetime) -> list[str]:
        """Run a DAG over past intervals, also those that had a run, and return the states of the runs."""
        api = self.stack.api()
        asked = {"dag_id": dag_id, "from_date": since.isoformat(), "to_date": until.isoformat()}
        made = api.post("/api/v2/backfills", asked | {"reprocess_behavior": "completed"})["id"]
        self.wait(lambda: api.get(f"/api/v2/backfills/{made}")["completed_at"] is not None)
        runs = api.get(f"/api/v2/dags/{dag_id}/dagRuns?limit=100&run_type=backfill")["dag_runs"]
        return [one["state"] for one in runs]

    def fail(self, run_id: str, task: str, index: int) -> None:
        """Mark a mapped instance as failed, as a person does in the UI."""
        path = f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances/{task}/{index}"
        self.stack.api().patch(path, {"new_state": "failed", "include_downstream": False})

    def log(self, run_id: str, task: str, attempt: int = 1) -> str:
        folder = self.stack.settings.airflow_home / "logs" / "dag_id=associate_customer" / f"run_id={run_id}"
        file = folder / f"task_id={task}" / f"attempt={attempt}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the simulator's control API."""
        return self.stack.control_vendor(method, path, body)

    def lines(self) -> dict[str, int]:
        return lines_by_sim(self.stack)

    @staticmethod
    def wait(condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {PATIENCE_SECONDS} s")
            time.sleep(0.1)


@contextmanager
def started(**more: Any) -> Iterator[Running]:
    """Give a stack of its own on free ports, with these settings, and stop it at the end."""
    with temporary_stack(users=USERS, product=IMPATIENT | more.pop("product", {}), **more) as stack:
        portal = make_engine(stack.portal_url)
        yield Running(stack, portal)
        portal.dispose()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """Give a stack of the session's own; a module may put one of its own in its place."""
    with started() as running:
        yield running


@pytest.fixture(autouse=True)
def calm(running: Running) -> Iterator[None]:
    """Leave the simulator without faults and latency for the next test."""
    yield
    running.control("DELETE", "faults")
    running.control("PATCH", "settings", {"latency_ms": 0})


def body(change_id: int, retry: int = 0) -> str:
    return json.dumps({"BulkChangeId": change_id, "RetryNumber": retry})

"""A complete stack for the end-to-end tests: real Airflow, PostgreSQL, SQS, simulator and receiver, on free ports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from sqlalchemy import Engine, MetaData, Table, select

from device_association.bulk_changes.locks import find_bulk_change
from device_association.database.execution import make_engine
from device_association.domain.codes import NOT_ENDED
from device_association.messaging.outbox import MESSAGE, flush_outbox
from device_association.requests.create import Created, create_bulk_change
from device_association.requests.preview import list_rows
from local.stack.airflow.api import AirflowApi
from local.stack.servers import message_queue
from local.stack.stack import Stack
from local.stack.temporary import IMPATIENT, temporary_stack
from tests.flow import request as portal_request
from tests.memory import memory_folder

ENDED = {"success", "failed"}
PATIENCE_SECONDS = 500
"""How long a test waits for what must come, which takes seconds: on two slow processors everything takes its time."""
USERS = {"admin": "admin", "dora.ops": "op", "vic.viewer": "op"}


@dataclass
class Running:
    """The running stack, with what the tests ask of it."""

    stack: Stack
    portal: Engine
    apis: dict[str, AirflowApi] = field(default_factory=dict)

    def api(self, user: str = "admin") -> AirflowApi:
        """Return Airflow's API, signed in once as this user: a test that waits asks it several times a second."""
        if user not in self.apis:
            self.apis[user] = self.stack.api(user)
        return self.apis[user]

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
        flush_outbox(self.portal, MESSAGE, self.stack.queue_sender())

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
            found = find_bulk_change(connection, change_id)
        return found.status if found else "missing"

    def ended(self, change_id: int) -> str:
        """Wait for a change's end and return its status."""
        self.wait(lambda: self.status(change_id) not in NOT_ENDED)
        return self.status(change_id)

    def codes(self, change_id: int) -> dict[str, str]:
        with self.portal.connect() as connection:
            listed = list_rows(connection, change_id)
        return {one.iccid: one.code for one in listed}

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
        self.wait(lambda: self.api().get(path)["state"] in ENDED)
        return str(self.api().get(path)["state"])

    def runs_of(self, change_id: int) -> list[str]:
        found = self.api().get("/api/v2/dags/associate_customer/dagRuns?limit=1000&order_by=-start_date")
        wanted = f"bulk_change__{change_id}__"
        return [one["dag_run_id"] for one in found["dag_runs"] if one["dag_run_id"].startswith(wanted)]

    def tasks(self, run_id: str) -> dict[str, str]:
        found = self.api().get(f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances?limit=1000")
        return {f"{one['task_id']}{one['map_index']}": one["state"] for one in found["task_instances"]}

    def trigger(self, filled_in: dict[str, Any], user: str = "dora.ops") -> str:
        """Start a run as the form does and return its id."""
        form = {"logical_date": None, "conf": filled_in}
        return str(self.api(user).post("/api/v2/dags/associate_customer/dagRuns", form)["dag_run_id"])

    def start(self, dag_id: str) -> str:
        """Start a run of a DAG as a person does and return its state at the end."""
        api = self.api()
        run_id = api.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        self.wait(lambda: api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"] in ENDED)
        return str(api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def backfill(self, dag_id: str, since: datetime, until: datetime) -> list[str]:
        """Run a DAG over past intervals, also those that had a run, and return the states of the runs."""
        api = self.api()
        asked = {"dag_id": dag_id, "from_date": since.isoformat(), "to_date": until.isoformat()}
        made = api.post("/api/v2/backfills", asked | {"reprocess_behavior": "completed"})["id"]

        def states() -> list[str]:
            runs = api.get(f"/api/v2/dags/{dag_id}/dagRuns?limit=100&run_type=backfill")["dag_runs"]
            return [one["state"] for one in runs]

        self.wait(lambda: bool(states()) and set(states()) <= ENDED)
        found = states()
        with suppress(HTTPError):  # it has just been seen to have ended, which Airflow looks for every 30 s only
            api.put(f"/api/v2/backfills/{made}/cancel", {})
        return found

    def fail(self, run_id: str, task: str, index: int) -> None:
        """Mark a mapped instance as failed, as a person does in the UI."""
        path = f"/api/v2/dags/associate_customer/dagRuns/{run_id}/taskInstances/{task}/{index}"
        self.api().patch(path, {"new_state": "failed", "include_downstream": False})

    def log(self, run_id: str, task: str, attempt: int = 1) -> str:
        file = self._logs(run_id) / f"task_id={task}" / f"attempt={attempt}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def logs(self, run_id: str) -> str:
        """Return what all tasks of a run have logged in all their tries."""
        return "".join(file.read_text(encoding="utf-8") for file in self._logs(run_id).rglob("*.log"))

    def _logs(self, run_id: str) -> Path:
        return self.stack.settings.airflow_home / "logs" / "dag_id=associate_customer" / f"run_id={run_id}"

    def saw_end(self, dag_id: str, run_id: str, task_id: str) -> bool:
        """Whether the scheduler knows that the process of a task ended, which may wait for a person's answer.

        An answer that comes before that looks to Airflow 3.3 like a process that died: the task fails, and asks again. No
        person is that fast.
        """
        ended = f"TaskInstance Finished: dag_id={dag_id}, task_id={task_id}, run_id={run_id},"
        return ended in (self.stack.settings.logs_dir / "scheduler.log").read_text(encoding="utf-8")

    @contextmanager
    def without(self, part: str) -> Iterator[None]:
        """Stop a part of the stack, and start it again whatever happens: other tests need it."""
        self.stack.stop(part)
        try:
            yield
        finally:
            self.stack.start(part)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the simulator's control API."""
        return self.stack.control_vendor(method, path, body)

    def lines(self) -> dict[str, int]:
        return self.stack.lines_by_sim()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; what takes too long ends with what is still open."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {PATIENCE_SECONDS} s; open: {self._open()}")
            time.sleep(0.2)

    def _open(self) -> dict[str, list[str]]:
        """Say what has not ended: changes, and tasks of every DAG."""
        tasks = self.api().get("/api/v2/dags/~/dagRuns/~/taskInstances?order_by=-start_date&limit=100")[
            "task_instances"
        ]
        return {
            "changes": [
                f"{one['id']} {one['status']}"
                for one in self.table("devicebulkchange", "dbo")
                if one["status"] in NOT_ENDED
            ],
            "tasks": [
                f"{one['dag_id']} {one['dag_run_id']} {one['task_id']} {one['map_index']}: {one['state']}"
                for one in tasks
                if one["state"] not in {"success", "skipped", "removed"}
            ],
        }


@contextmanager
def started(**more: Any) -> Iterator[Running]:
    """Give a stack of its own on free ports, with these settings, and stop it at the end."""
    product = IMPATIENT | more.pop("product", {})
    with temporary_stack(beneath=memory_folder(), users=USERS, product=product, **more) as stack:
        portal = make_engine(stack.portal_url)
        yield Running(stack, portal)
        portal.dispose()


def body(change_id: int, retry: int = 0) -> str:
    return json.dumps({"BulkChangeId": change_id, "RetryNumber": retry})

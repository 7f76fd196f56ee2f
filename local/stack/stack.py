"""A whole local stack: starts, watches, restarts and stops its parts. Used by `make up`, the demo and the tests."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from local.stack import processes
from local.stack.airflow import celery_workers
from local.stack.airflow.api import AirflowApi, wait_for_dags
from local.stack.airflow.environment import airflow_environment
from local.stack.part import Part
from local.stack.parts import parts
from local.stack.secrets import StackSecrets, passwords, stack_secrets
from local.stack.servers import message_queue, postgres
from local.stack.settings import LocalSettings
from local.stack.supervision import Report, Status, Supervision

STOP_TOGETHER = (*celery_workers.NAMES, "triggerer", "dag-processor", "scheduler")
"""They need nobody of each other to stop, and each takes seconds."""


def _silent(part: str, said: str) -> None:
    """Tell nobody."""


class Stack:
    """One local stack, made of nothing but its settings: two objects with the same settings are the same stack."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        self._supervision = Supervision(settings)
        _private_folder(settings.state_dir, 0o711)
        for folder in (settings.logs_dir, settings.run_dir, settings.airflow_home, settings.state_dir / "data_docs"):
            _private_folder(folder, 0o700)

    def up(self, report: Report = _silent) -> None:
        """Start whatever does not run and wait until everything is ready; what runs is left alone."""
        with self._alone():
            for part in self._parts:
                if self._supervision.runs(part):
                    report(part.name, "runs already")
            down = self._not_up()
            self._supervision.require_ports(down)
            self._supervision.start(down, report)
        for file, said in wait_for_dags(self.api(), self.settings.dags_folder).items():
            report(file, said)

    def down(self, report: Report = _silent) -> None:
        """Stop everything that runs, the last part first; only processes that this stack started are ended."""
        with self._alone():
            for part in self._parts:
                if part.name in STOP_TOGETHER:
                    self._supervision.ask_to_stop(part)
            for part in reversed(self._parts):
                if self._supervision.recall(part):
                    since = time.monotonic()
                    self._supervision.stop(part, asked=part.name in STOP_TOGETHER)
                    report(part.name, f"stopped after {time.monotonic() - since:.1f} s")

    def restart(self, name: str) -> None:
        """Stop one part and start it again; returns when it is ready."""
        part = self._part(name)
        with self._alone():
            self._supervision.stop(part)
            self._supervision.start([part], _silent)

    def start(self, name: str) -> None:
        """Start one part that does not run; returns when it is ready."""
        part = self._part(name)
        with self._alone():
            if not self._supervision.runs(part):
                self._supervision.start([part], _silent)

    def revive(self) -> list[str]:
        """Start what died, as a supervisor does again and again, and return its names; nobody waits until it is ready."""
        with self._alone():
            dead = [part for part in self._parts if self._supervision.status(part).state == "dead"]
            for part in dead:
                self._supervision.launch(part)
        return [part.name for part in dead]

    def stop(self, name: str) -> None:
        """Stop one part cleanly and leave it stopped."""
        with self._alone():
            self._supervision.stop(self._part(name))

    def kill(self, name: str, sent: signal.Signals = signal.SIGKILL, *, family: bool = False) -> None:
        """Signal a part's first process, or all of its session, and leave it to whatever comes of that."""
        running = self._supervision.recall(self._part(name))
        process = running.process() if running else None
        if running is None or process is None:
            raise LookupError(f"{name} does not run")
        for one in running.family() if family else [process]:
            processes.send(one, sent)
        if sent == signal.SIGKILL:
            processes.wait_until_gone(running, 10.0)

    def kill_all(self) -> None:
        """Kill whatever runs, children included, all at once: what a power cut leaves is left."""
        found = [running for part in self._parts if (running := self._supervision.recall(part)) is not None]
        for running in found:
            for one in running.family():
                processes.send(one, signal.SIGKILL)
        for running in found:
            processes.wait_until_gone(running, 10.0)

    def control_vendor(self, method: str, path: str, body: object = None) -> Any:
        """Call the Rev.io simulator's control API, for example `GET lines`, and return its answer."""
        answer = requests.request(method, f"{self.settings.revio_url}/_control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def lines_by_sim(self) -> dict[str, int]:
        """Return how many active lines Rev.io has for each SIM, by the simulator's own books."""
        counted: dict[str, int] = self.control_vendor("GET", "lines")
        return counted

    def queue_sender(self) -> Callable[[dict[str, object]], None]:
        """Return what puts a message into the stack's queue, as the portal does."""
        queue = message_queue.client(self.settings, self.secrets)

        def send(body: dict[str, object]) -> None:
            message_queue.put(queue, self.queue_url, json.dumps(body), body)

        return send

    def status(self) -> list[Status]:
        """Return how every part is."""
        return [self._supervision.status(part) for part in self._parts if not part.is_step]

    def dead_parts(self) -> list[str]:
        """Return the names of the parts that were started, were not stopped, and do not run."""
        return [status.name for status in self.status() if status.state == "dead"]

    def wipe(self) -> None:
        """Stop everything and delete what the stack keeps: databases, logs, secrets; then make a new `Stack`."""
        self.down()
        for folder in ("airflow", "data_docs", "logs", "postgres", "redis", "run"):
            shutil.rmtree(self.settings.state_dir / folder, ignore_errors=True)
        for file in self.settings.state_dir.glob("*.json"):
            file.unlink()

    @property
    def urls(self) -> dict[str, str]:
        """Where everything that speaks HTTP answers."""
        return {
            "airflow": self.airflow_url,
            "sqs": self.settings.sqs_url,
            "queue": self.queue_url,
            "dead_letters": message_queue.queue_url(self.settings, message_queue.DEAD_LETTERS),
            "revio_simulator": self.settings.revio_url,
            "notification_receiver": self.settings.notification_url,
        }

    @property
    def portal_url(self) -> str:
        """SQLAlchemy URL of the portal's database."""
        return postgres.portal_url(self.settings, self.secrets)

    @property
    def airflow_url(self) -> str:
        """Where a browser reaches Airflow."""
        return self.settings.airflow_url

    @property
    def queue_url(self) -> str:
        """Address of the queue of bulk changes."""
        return message_queue.queue_url(self.settings)

    @property
    def airflow_env(self) -> dict[str, str]:
        """The environment of the stack's Airflow processes, for `airflow ...` commands and product code."""
        return airflow_environment(self.settings, self.secrets)

    @property
    def passwords(self) -> dict[str, str]:
        """The password of everybody who can sign in to Airflow."""
        return passwords(self.settings.state_dir, self.settings.users)

    @cached_property
    def secrets(self) -> StackSecrets:
        """The stack's passwords and keys."""
        return stack_secrets(self.settings.state_dir)

    def api(self, user: str = "admin") -> AirflowApi:
        """Airflow's API, signed in as this user."""
        return AirflowApi(self.airflow_url, user, self.passwords[user])

    @cached_property
    def _parts(self) -> list[Part]:
        return parts(self.settings, self.secrets)

    def _part(self, name: str) -> Part:
        known = {part.name: part for part in self._parts if not part.is_step}
        if name not in known:
            raise LookupError(f"there is no part {name!r}; the parts are {', '.join(known)}")
        return known[name]

    def _not_up(self) -> list[Part]:
        """Return the parts that do not run, and the steps that are due."""
        return [part for part in self._parts if part.due() and not self._supervision.runs(part)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let a second `up` or `down` of the same stack wait for the first."""
        with (self.settings.state_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _private_folder(folder: Path, mode: int) -> None:
    """Make a folder for its owner alone; the state folder can be walked through, for PostgreSQL's own user."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)

"""A whole local stack: starts, watches, restarts and stops its parts. Used by `make up`, the demo and the tests."""

from __future__ import annotations

import fcntl
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local import message_queue, postgres, processes
from local.airflow_environment import airflow_environment
from local.parts import Part, parts
from local.processes import Running
from local.settings import LocalSettings
from local.stack_secrets import StackSecrets, passwords, stack_secrets

Report = Callable[[str, str], None]
"""Told the name of a part and what became of it."""
STOP_TOGETHER = ("triggerer", "dag-processor", "scheduler")
POLL_SECONDS = 0.1


class PartDiedError(RuntimeError):
    """A part ended while it was starting; shows the end of its log."""


class NotReadyError(RuntimeError):
    """A part runs but does not get ready; shows the end of its log."""


@dataclass(frozen=True)
class Status:
    """How a part is: running, dead (nobody stopped it) or stopped."""

    name: str
    state: str
    pid: int | None
    port: int | None
    log: Path


def _silent(part: str, said: str) -> None:
    """Tell nobody."""


class Stack:
    """One local stack, made of nothing but its settings: two objects with the same settings are the same stack."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings
        _private_folder(settings.state_dir, 0o711)
        for folder in (settings.logs_dir, self._run_dir, settings.airflow_home, settings.state_dir / "data_docs"):
            _private_folder(folder, 0o700)

    def up(self, report: Report = _silent) -> None:
        """Start whatever does not run and wait until everything is ready; what runs is left alone."""
        with self._alone():
            down = [part for part in self._parts if part.is_step or not self._process_runs(part)]
            for part in self._parts:
                if part not in down:
                    report(part.name, "runs already")
            if any(not part.is_step for part in down):
                self._require_ports(down)
                self._start_all(down, report)

    def down(self, report: Report = _silent) -> None:
        """Stop everything that runs, the last part first; only processes that this stack started are ended."""
        with self._alone():
            together = [part for part in self._parts if part.name in STOP_TOGETHER]
            for part in together:
                self._ask_to_stop(part)
            for part in reversed(self._parts):
                if self._recall(part):
                    self._stop(part)
                    report(part.name, "stopped")

    def restart(self, name: str) -> None:
        """Stop one part and start it again; returns when it is ready."""
        part = self._part(name)
        with self._alone():
            self._stop(part)
            self._start_all([part], _silent)

    def start(self, name: str) -> None:
        """Start one part that does not run; returns when it is ready."""
        part = self._part(name)
        with self._alone():
            if not self._process_runs(part):
                self._start_all([part], _silent)

    def stop(self, name: str) -> None:
        """Stop one part cleanly and leave it stopped."""
        with self._alone():
            self._stop(self._part(name))

    def kill(self, name: str, sent: signal.Signals = signal.SIGKILL, *, family: bool = False) -> None:
        """Signal a part's first process, or all of its session, and leave it to whatever comes of that."""
        running = self._recall(self._part(name))
        process = running.process() if running else None
        if running is None or process is None:
            raise LookupError(f"{name} does not run")
        for one in running.family() if family else [process]:
            processes.send(one, sent)
        if sent == signal.SIGKILL:
            processes.wait_until_gone(running, 10.0)

    def status(self) -> list[Status]:
        """Return how every part is."""
        return [self._status(part) for part in self._parts if not part.is_step]

    def dead_parts(self) -> list[str]:
        """Return the names of the parts that were started, were not stopped, and do not run."""
        return [status.name for status in self.status() if status.state == "dead"]

    def wipe(self) -> None:
        """Stop everything and delete the state folder: databases, logs, secrets."""
        self.down()
        shutil.rmtree(self.settings.state_dir)

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
        return postgres.url(self.settings, self.secrets, "portal")

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

    def log(self, name: str) -> Path:
        """Return a part's log."""
        return self.settings.logs_dir / f"{name}.log"

    @cached_property
    def _parts(self) -> list[Part]:
        return parts(self.settings, self.secrets)

    @property
    def _run_dir(self) -> Path:
        return self.settings.state_dir / "run"

    def _part(self, name: str) -> Part:
        known = {part.name: part for part in self._parts if not part.is_step}
        if name not in known:
            raise LookupError(f"there is no part {name!r}; the parts are {', '.join(known)}")
        return known[name]

    def _status(self, part: Part) -> Status:
        running = self._recall(part)
        alive = running is not None and running.process() is not None
        state = "running" if alive else "dead" if running else "stopped"
        port = self.settings.ports[part.port_setting] if part.port_setting else None
        return Status(part.name, state, running.pid if running and alive else None, port, self.log(part.name))

    def _start_all(self, wanted: Iterable[Part], report: Report) -> None:
        waiting, starting = list(wanted), dict[str, tuple[Part, Running, float]]()
        while waiting or starting:
            blocked = {part.name for part in waiting} | starting.keys()
            for part in [one for one in waiting if blocked.isdisjoint(one.needs)]:
                waiting.remove(part)
                starting[part.name] = (part, self._launch(part), time.monotonic())
            for part, running, since in list(starting.values()):
                if self._is_ready(part, running, since):
                    del starting[part.name]
                    report(part.name, f"ready after {time.monotonic() - since:.1f} s")
            time.sleep(POLL_SECONDS)

    def _launch(self, part: Part) -> Running:
        if (before := self._recall(part)) is not None:
            processes.stop(before)  # what a killed part left behind, such as the scheduler's workers
        part.prepare()
        running = processes.start(
            part.command, env=part.env(), cwd=self.settings.state_dir, log=self.log(part.name), user=part.user
        )
        processes.remember(self._pid_file(part), running)
        return running

    def _is_ready(self, part: Part, running: Running, since: float) -> bool:
        alive = running.process() is not None
        if part.ready(running):
            if part.is_step:
                self._pid_file(part).unlink(missing_ok=True)
            return True
        log = self.log(part.name)
        if not alive and (running.exit_code() != 0 or not part.is_step):
            raise PartDiedError(f"{part.name} ended while starting; the end of {log}:\n{processes.last_lines(log)}")
        if time.monotonic() - since > part.patience:
            shown = processes.last_lines(log)
            raise NotReadyError(f"{part.name} was not ready after {part.patience:.0f} s; the end of {log}:\n{shown}")
        return False

    def _ask_to_stop(self, part: Part) -> None:
        running = self._recall(part)
        if running and (process := running.process()):
            processes.send(process, part.stop_signal)

    def _stop(self, part: Part) -> None:
        if (running := self._recall(part)) is not None:
            # Those of STOP_TOGETHER have been asked already; a second signal would cut them short.
            processes.stop(running, first=part.stop_signal)
            self._pid_file(part).unlink(missing_ok=True)

    def _require_ports(self, wanted: Iterable[Part]) -> None:
        names = [part.port_setting for part in wanted if part.port_setting]
        processes.require_free_ports({name: self.settings.ports[name] for name in names})

    def _process_runs(self, part: Part) -> bool:
        running = self._recall(part)
        return running is not None and running.process() is not None

    def _recall(self, part: Part) -> Running | None:
        return processes.recall(self._pid_file(part))

    def _pid_file(self, part: Part) -> Path:
        return self._run_dir / f"{part.name}.json"

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

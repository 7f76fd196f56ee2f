"""Background processes of a stack: started in a session of their own, recognised again later, never confused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

CLOCK_TOLERANCE = 2.0
"""Seconds by which the start time of one process may read differently (it is computed from the time of boot)."""
LARGEST_LOG = 20_000_000

_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Running:
    """A process as it was started: the pid alone could belong to somebody else by now."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs and really is the one that was started."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < CLOCK_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def family(self) -> list[psutil.Process]:
        """Return every process of its session, also when its first process is dead and they outlived it."""
        if self.process() is None and _is_alive(self.pid):
            return []  # the pid is somebody else's by now, which the system allows only once the session is empty
        return [process for process in psutil.process_iter() if self._owns(process)]

    def exit_code(self) -> int | None:
        """Return how it ended, if this very program started it and it has ended."""
        child = _children.get(self.pid)
        return child.poll() if child is not None else None

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return (
                os.getsid(process.pid) == self.pid
                and process.create_time() > self.started - CLOCK_TOLERANCE
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            return False


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, user: str | None = None) -> Running:
    """Start a program in the background, its output appended to `log`; it outlives the caller and its terminal."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".previous.log"))
    with log.open("ab") as output:
        output.write(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: start\n".encode())
        output.flush()
        child = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    _children[child.pid] = child
    return Running(child.pid, psutil.Process(child.pid).create_time())


def remember(file: Path, running: Running) -> None:
    """Write down which process was started."""
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(running)), encoding="utf-8")
    temporary.replace(file)


def recall(file: Path) -> Running | None:
    """Return the process that was written down, or None if there is none."""
    try:
        return Running(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def stop(running: Running, patience: float = 30.0) -> None:
    """End a process that was asked to, and all of its session; what has not gone after `patience` seconds is killed."""
    wait_until_gone(running, patience)
    for sent, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 10.0)):
        for process in running.family():
            send(process, sent)
        wait_until(lambda: not running.family(), seconds)


def send(process: psutil.Process, sent: signal.Signals) -> None:
    """Signal a process; psutil refuses when its pid has gone to another one. Already gone is fine."""
    try:
        process.send_signal(sent)
    except psutil.NoSuchProcess:
        return


def wait_until_gone(running: Running, seconds: float) -> bool:
    """Return whether the process had ended when `seconds` were over."""
    return wait_until(lambda: running.process() is None, seconds)


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Return whether it had happened when `seconds` were over.

    `psutil.wait_procs` won't do: it waits for zombies too, and in a container often nobody buries them.
    """
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def last_lines(log: Path, count: int = 25) -> str:
    """Return the end of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])

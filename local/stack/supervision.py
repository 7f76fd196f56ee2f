"""Runs the parts of one stack: remembers their processes in pid files, starts, watches and stops them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from local.stack import processes
from local.stack.part import Part
from local.stack.ports import require_free_ports
from local.stack.processes import Running
from local.stack.settings import LocalSettings

Report = Callable[[str, str], None]
"""Told the name of a part and what became of it."""
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


class Supervision:
    """The processes of a stack's parts, as its state folder knows them."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings

    def log(self, name: str) -> Path:
        """Return a part's log."""
        return self._settings.logs_dir / f"{name}.log"

    def recall(self, part: Part) -> Running | None:
        """Return the part's process as it was started, dead or alive; None if it was stopped or never started."""
        return processes.recall(self._pid_file(part))

    def runs(self, part: Part) -> bool:
        """Return whether the part's process is alive."""
        running = self.recall(part)
        return running is not None and running.process() is not None

    def status(self, part: Part) -> Status:
        """Return how the part is."""
        running = self.recall(part)
        alive = running is not None and running.process() is not None
        state = "running" if alive else "dead" if running else "stopped"
        port = self._settings.ports[part.port_setting] if part.port_setting else None
        return Status(part.name, state, running.pid if running and alive else None, port, self.log(part.name))

    def require_ports(self, parts: Iterable[Part]) -> None:
        """Raise `PortTakenError` unless the ports of these parts are free."""
        names = [part.port_setting for part in parts if part.port_setting]
        require_free_ports({name: self._settings.ports[name] for name in names})

    def start(self, parts: Iterable[Part], report: Report) -> None:
        """Start parts, each as soon as those among them that it needs are ready; return when all are."""
        waiting, starting = list(parts), dict[str, tuple[Part, Running, float]]()
        while waiting or starting:
            blocked = {part.name for part in waiting} | starting.keys()
            for part in [one for one in waiting if blocked.isdisjoint(one.needs)]:
                waiting.remove(part)
                starting[part.name] = (part, self.launch(part), time.monotonic())
            for part, running, since in list(starting.values()):
                if self._is_ready(part, running, since):
                    del starting[part.name]
                    report(part.name, f"ready after {time.monotonic() - since:.1f} s")
            time.sleep(POLL_SECONDS)

    def launch(self, part: Part) -> Running:
        """Start a part, also one that died, and wait for nothing."""
        if (before := self.recall(part)) is not None:
            processes.stop(before, patience=0)  # what a killed part left behind, such as the scheduler's workers
        part.prepare()
        running = processes.start(
            part.command, env=part.env(), cwd=self._settings.state_dir, log=self.log(part.name), user=part.user
        )
        processes.remember(self._pid_file(part), running)
        return running

    def ask_to_stop(self, part: Part) -> None:
        """Send the part its signal to stop, if it runs."""
        running = self.recall(part)
        if running and (process := running.process()):
            processes.send(process, part.stop_signal)

    def stop(self, part: Part, *, asked: bool = False) -> None:
        """Stop a part; one that was asked already isn't asked again, the triggerer would take that for 'at once'."""
        if not asked:
            self.ask_to_stop(part)
        if (running := self.recall(part)) is not None:
            processes.stop(running)
            self._pid_file(part).unlink(missing_ok=True)

    def _is_ready(self, part: Part, running: Running, since: float) -> bool:
        alive = running.process() is not None
        if part.ready(running):
            if part.is_step:
                self._pid_file(part).unlink(missing_ok=True)
            return True
        shown = f"the end of {self.log(part.name)}:\n{processes.last_lines(self.log(part.name))}"
        if not alive and not (part.is_step and running.exit_code() == 0):
            raise PartDiedError(f"{part.name} ended while starting; {shown}")
        if time.monotonic() - since > part.patience:
            raise NotReadyError(f"{part.name} was not ready after {part.patience:.0f} s; {shown}")
        return False

    def _pid_file(self, part: Part) -> Path:
        return self._settings.run_dir / f"{part.name}.json"

"""Plays Airflow: keeps workers alive, gives them tries of tasks, and tries again what was killed or is unfinished."""

from __future__ import annotations

import os
import selectors
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import Pipe, forkserver, get_context
from multiprocessing.connection import Connection as Wire
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

from local.stack.settings import REPOSITORY
from tests.crash.worker import Job, work

FINAL_TASKS = ("associate", "history", "links", "close")
RETRY_DELAY = 1.0
"""Seconds until a try that failed is repeated."""
Task = tuple[str, int | None]


@dataclass(eq=False)
class Hand:
    """A worker process and what it is doing."""

    process: ForkServerProcess
    wire: Wire
    task: Task | None = None
    began: bool = False

    def told(self) -> list[tuple[str, Any]] | None:
        """Wait for its next word; return it with all that it has told besides, None when it is dead."""
        words: list[tuple[str, Any]] = []
        try:
            while not words or self.wire.poll():
                words.append(self.wire.recv())
        except (EOFError, ConnectionError):
            return words or None
        return words


@dataclass
class Foreman:
    """Runs the tasks of one change in worker processes; `tick` is called many times a second and may kill them."""

    job: Job
    folder: Path
    workers: int = 2
    most_wait: float = 30.0
    """Longest that an unfinished slice waits for its next try."""
    tick: Callable[[Foreman], None] = lambda _: None
    hands: list[Hand] = field(default_factory=list)
    given_up: list[Hand] = field(default_factory=list)
    due: list[tuple[float, Task]] = field(default_factory=list)
    results: dict[Task, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    died_in: Counter[str] = field(default_factory=Counter)
    """How many workers died in the middle of which task; idle ones under no name."""
    tries: int = 0

    def run_change(self, seconds: float) -> dict[str, Any]:
        """Run all tasks of the change in the order of its DAG and return how it closed."""
        end = time.monotonic() + seconds
        with self._working():
            slices = self._run([("plan", None)], end)[0]
            self._run([("slice", number) for number in slices], end)
            closed: dict[str, Any] = [self._run([(task, None)], end)[0] for task in FINAL_TASKS][-1]
        return closed

    def busy(self, task: str = "slice") -> list[Hand]:
        """Return the workers in the middle of such a task."""
        return [hand for hand in self.hands if hand.began and hand.task and hand.task[0] == task]

    def doing(self) -> str:
        """Return the task that the change has come to."""
        tasks = [hand.task for hand in self.hands if hand.task] + [task for _, task in self.due]
        return tasks[0][0] if tasks else ""

    def give_up(self, pid: int) -> Hand:
        """Take a worker that has gone silent for dead, as Airflow does: its task is another's now."""
        hand = next(hand for hand in self.hands if hand.process.pid == pid)
        assert hand.task is not None
        self.hands.remove(hand)
        self.given_up.append(hand)
        self._again(hand.task, 0.0)
        return hand

    def _run(self, tasks: Iterable[Task], end: float) -> list[Any]:
        wanted = list(tasks)
        self.due += [(0.0, task) for task in wanted]
        while any(task not in self.results for task in wanted):
            if time.monotonic() > end:
                raise TimeoutError(
                    f"unfinished: {self.due}, {[hand.task for hand in self.hands]}\n{self.log()[-5000:]}"
                )
            self._give_work()
            self.tick(self)
            self._listen()
        return [self.results[task] for task in wanted]

    def _give_work(self) -> None:
        while len(self.hands) < self.workers:
            self._hire()
        now = time.monotonic()
        for hand in self.hands:
            ready = [one for one in self.due if one[0] <= now]
            if hand.task is None and ready:
                self.due.remove(ready[0])
                hand.task, hand.began = ready[0][1], False
                self.tries += 1
                with suppress(BrokenPipeError):  # it was killed a moment ago, which its silence will tell
                    hand.wire.send(hand.task)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for hand in self.hands:
                selector.register(hand.wire, selectors.EVENT_READ, hand)
            for key, _ in selector.select(0.02):
                hand = key.data
                told = hand.told()
                if told is None:
                    self._bury(hand)
                for word, what in told or ():
                    self._hear(hand, word, what)

    def _hear(self, hand: Hand, word: str, what: Any) -> None:
        task = hand.task
        assert task is not None
        if word == "began":
            hand.began = True
            return
        hand.task = None
        if word == "done":
            self.results[task] = what
        elif word == "unfinished":
            self._again(task, min(what, self.most_wait))
        else:
            self.failures.append(f"{task}: {what}")
            self._again(task, RETRY_DELAY)

    def _again(self, task: Task, seconds: float) -> None:
        self.due.append((time.monotonic() + seconds, task))

    def _bury(self, hand: Hand) -> None:
        self.died_in[hand.task[0] if hand.task else ""] += 1
        self.hands.remove(hand)
        _close(hand)
        if hand.task is not None:
            self._again(hand.task, 0.0)

    def _hire(self) -> None:
        wire, workers_end = Pipe()
        process = _nursery().Process(
            target=work, args=(self.job, workers_end, self.folder / "workers.log"), daemon=True
        )
        process.start()
        workers_end.close()
        self.hands.append(Hand(process, wire))

    def log(self) -> str:
        """Return what the workers logged."""
        return (self.folder / "workers.log").read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        finally:
            for hand in [*self.hands, *self.given_up]:
                hand.process.kill()
                _close(hand)
            self.hands.clear()


@cache
def _nursery() -> ForkServerContext:
    """Return what forks workers from one process that has imported everything, which takes each of them two seconds."""
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    path = os.pathsep.join(str(REPOSITORY / part) for part in ("include", "plugins", "."))
    with patch.dict(os.environ, PYTHONPATH=path):  # Python 3.11's preloads without the caller's sys.path
        forkserver.ensure_running()
    return context


def _close(hand: Hand) -> None:
    hand.process.join()
    hand.wire.close()

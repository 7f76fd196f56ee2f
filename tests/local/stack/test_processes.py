from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.stack import processes
from local.stack.processes import Running

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)",
]


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[Running]:
    running = processes.start(command, env=dict(os.environ), cwd=folder, log=folder / "part.log")
    try:
        yield running
    finally:
        processes.stop(running, patience=0)


def test_a_part_is_recognised_again_by_what_was_written_down(tmp_path: Path) -> None:
    with started(SLEEPER, tmp_path) as running:
        processes.remember(tmp_path / "part.json", running)
        recalled = processes.recall(tmp_path / "part.json")

        assert recalled == running
        assert recalled.process() is not None


def test_a_pid_that_belongs_to_somebody_else_by_now_is_never_touched(tmp_path: Path) -> None:
    with started(SLEEPER, tmp_path) as stranger:
        before_the_pid_was_recycled = Running(stranger.pid, stranger.started - 3600)

        assert before_the_pid_was_recycled.process() is None
        assert before_the_pid_was_recycled.family() == []
        processes.stop(before_the_pid_was_recycled, patience=0)
        assert stranger.process() is not None


def test_what_a_killed_part_leaves_behind_is_found_and_ended(tmp_path: Path) -> None:
    with started(PARENT, tmp_path) as running:
        assert processes.wait_until(lambda: len(running.family()) == 2, 10)
        os.kill(running.pid, signal.SIGKILL)
        assert processes.wait_until_gone(running, 10)

        assert len(running.family()) == 1
        processes.stop(running, patience=0)
        assert running.family() == []


def test_a_part_that_ignores_the_signal_is_killed_after_the_patience(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with started([sys.executable, "-c", stubborn], tmp_path) as running:
        assert processes.wait_until(lambda: "deaf" in processes.last_lines(tmp_path / "part.log"), 10)
        since = time.monotonic()
        processes.stop(running, patience=0.1)

        assert running.process() is None
        assert time.monotonic() - since < 10


def test_the_exit_code_of_a_step_is_known_and_its_output_is_in_the_log(tmp_path: Path) -> None:
    with started([sys.executable, "-c", "import sys; sys.exit('out of paper')"], tmp_path) as running:
        assert processes.wait_until_gone(running, 10)

        assert running.exit_code() == 1
        assert processes.last_lines(tmp_path / "part.log").splitlines()[-1] == "out of paper"


def test_a_part_runs_in_a_session_of_its_own_and_outlives_the_terminal(tmp_path: Path) -> None:
    with started(SLEEPER, tmp_path) as running:
        assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_a_log_beyond_its_size_makes_room_and_the_old_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGEST_LOG", 10)
    (tmp_path / "part.log").write_text("much too long for ten bytes")

    with started(SLEEPER, tmp_path):
        assert (tmp_path / "part.previous.log").read_text() == "much too long for ten bytes"


def test_no_secret_of_the_command_line_reaches_the_log(tmp_path: Path) -> None:
    with started([*SLEEPER, "--token", "0f1e2d3c"], tmp_path):
        assert "0f1e2d3c" not in (tmp_path / "part.log").read_text()

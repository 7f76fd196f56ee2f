"""What `make bench` prints while it measures, and what becomes of a figure that fails."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.measuring import Figure
from benchmarks.progress import CLEAR, LINE_SECONDS, Progress
from local.stack.settings import REPOSITORY

PROGRAM = """
import logging, os, subprocess, sys, warnings
from pathlib import Path
from benchmarks.measuring import Figure, measure_all
from benchmarks.progress import Progress

logging.basicConfig(level=logging.DEBUG)  # a library's handler, as it is there before a figure is measured

def noisy(on):
    on.tell("500 lines, try", 2, 5)
    print("printed")
    logging.getLogger("urllib3").debug("logged")
    warnings.warn("warned")
    subprocess.run(["echo", "echoed"], check=True)
    if os.fork() == 0:
        os.write(2, b"forked")
        os._exit(0)
    os.wait()
    return 2 / 3

def failing(on):
    raise RuntimeError("the vendor does not start\\nand a second line")

figures = {"noisy": Figure(noisy, "s", "< 1"), "failing": Figure(failing, "s"), "last": Figure(lambda _: 7, "MiB")}
with os.fdopen(os.dup(1), "w") as out:
    progress = Progress(out, len(figures))
    results = measure_all(figures, progress, progress, Path(sys.argv[1]))
print({name: result.value for name, result in results.items()})
"""


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def measured(logs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(logs)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_nothing_but_the_progress_is_printed_and_a_failure_stops_no_other_figure(tmp_path: Path) -> None:
    ran = measured(tmp_path)
    assert ran.stdout.splitlines() == [
        "[1/3] noisy ...",
        "[1/3] noisy: 500 lines, try 2 of 5 ...",
        "[1/3] noisy: 0.667 s (0 s)",
        "[2/3] failing ...",
        f"[2/3] failing: FAILED, RuntimeError: the vendor does not start; see {tmp_path / 'failing.log'} (0 s)",
        "[3/3] last ...",
        "[3/3] last: 7 MiB (0 s)",
        "{'noisy': 0.667, 'failing': None, 'last': 7}",
    ]
    assert ran.stderr == ""


def test_the_log_of_a_figure_keeps_what_was_printed_and_the_traceback(tmp_path: Path) -> None:
    measured(tmp_path)
    log = (tmp_path / "noisy.log").read_text()
    for kept in ("printed", "DEBUG:urllib3:logged", "UserWarning: warned", "echoed", "forked"):
        assert kept in log
    failure = (tmp_path / "failing.log").read_text()
    assert "Traceback" in failure
    assert "and a second line" in failure


def test_a_count_that_goes_on_is_written_every_few_seconds_and_a_new_step_at_once() -> None:
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, 1, clock=clock)
    progress.begin("posts")
    for number in range(1, 9):
        progress.tell("requests,", number, 8)
        clock.seconds += LINE_SECONDS / 4
    progress.tell("restarting")
    assert out.getvalue().splitlines() == [
        "[1/1] posts ...",
        "[1/1] posts: requests, 1 of 8 ...",
        "[1/1] posts: requests, 5 of 8 ...",
        "[1/1] posts: restarting ...",
    ]


def test_a_terminal_has_one_line_that_is_refreshed_to_its_width_and_one_that_stays() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 24, 0, 0))
    with os.fdopen(theirs, "w") as out:
        progress = Progress(out, 1, clock=Clock())
        progress.begin("posts")
        progress.tell("requests,", 1, 8)
        progress.tell("requests,", 2, 8)
        progress.end("3 s")
        written = os.read(ours, 10_000).decode()
        while not written.endswith("\n"):  # a terminal hands over what it has so far
            written += os.read(ours, 10_000).decode()
    os.close(ours)
    shown = ["[1/1] posts ...", "[1/1] posts: requests, ", "[1/1] posts: requests, ", "[1/1] posts: 3 s (0 s)\r\n"]
    assert written == "".join(CLEAR + one for one in shown)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Give the program with figures of the test's own, which writes its results into the test's folder."""

    def fail(_: object) -> float:
        raise LookupError("no device")

    figures = {
        "met": Figure(lambda _: 1, "s", "<= 1"),
        "missed": Figure(lambda _: 2, "s", "<= 1"),
        "failing": Figure(fail, "s"),
    }
    monkeypatch.setattr(program, "FIGURES", figures)
    monkeypatch.setattr(program, "RESULTS", tmp_path)
    monkeypatch.setenv("DEVICE_ASSOCIATION_LOCAL_STATE_DIR", str(tmp_path / "state"))
    return lambda *names: program.main(list(names))


@pytest.mark.parametrize(
    ("names", "status"), [(["met"], 0), (["missed"], 1), (["met", "failing"], 1), (["met", "unknown"], 2)]
)
def test_the_exit_status_is_zero_only_if_every_figure_was_measured_and_met(
    bench: Callable[..., int], names: list[str], status: int
) -> None:
    assert bench(*names) == status


def test_a_figure_that_fails_is_written_with_its_error_beside_the_measured_ones(
    bench: Callable[..., int], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench()
    written = json.loads((tmp_path / "latest.json").read_text())
    assert {name: one["value"] for name, one in written["figures"].items()} == {"met": 1, "missed": 2}
    assert written["failed"] == {"failing": "LookupError: no device"}
    outcomes = [line.split() for line in capfd.readouterr().out.splitlines() if line.startswith("│")]
    assert [(row[1], row[-2]) for row in outcomes] == [("met", "met"), ("missed", "missed"), ("failing", "failed")]

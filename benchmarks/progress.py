"""Says which figure is being measured and how far it is: one refreshed line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol, TextIO

LINE_SECONDS = 5.0
"""How long a counted step waits for its next line where lines are not refreshed."""
USUAL_COLUMNS = 80
CLEAR = "\r\x1b[K"


class Tell(Protocol):
    """Reports the step that begins; with a count, which one of how many it is."""

    def __call__(self, step: str, done: int = 0, of: int = 0) -> None:
        """Report the step."""


def silent(step: str, done: int = 0, of: int = 0) -> None:
    """Report nothing."""


class Progress:
    """Writes `[3/17] figure: step 2 of 5 ...` while a figure is measured, and one line that stays when it ends."""

    def __init__(self, out: TextIO, figures: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._figures, self._clock, self._is_terminal = out, figures, clock, out.isatty()
        self._number, self._name, self._step, self._began, self._written = 0, "", "", 0.0, 0.0

    def begin(self, name: str) -> None:
        """Go on to the next figure."""
        self._number, self._name, self._step, self._began = self._number + 1, name, "", self._clock()
        self._show(f"{self._head} ...")

    def tell(self, step: str, done: int = 0, of: int = 0) -> None:
        """Report a step of the figure. Where lines stay, a count that only goes on is written every few seconds."""
        if self._is_terminal or step != self._step or self._clock() - self._written >= LINE_SECONDS:
            self._show(f"{self._head}: {step}{f' {done:,} of {of:,}' if of else ''} ...")
        self._step = step

    def end(self, said: str) -> None:
        """Say what became of the figure, and how long it took."""
        start = CLEAR if self._is_terminal else ""
        self._write(f"{start}{self._head}: {said} ({self._clock() - self._began:.0f} s)\n")

    @property
    def _head(self) -> str:
        return f"[{self._number}/{self._figures}] {self._name}"

    def _show(self, line: str) -> None:
        self._write(CLEAR + line[: self._columns() - 1] if self._is_terminal else f"{line}\n")
        self._written = self._clock()

    def _columns(self) -> int:
        """The width of this terminal: standard output may be a file meanwhile, `shutil` would look there."""
        return os.get_terminal_size(self._out.fileno()).columns or USUAL_COLUMNS

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

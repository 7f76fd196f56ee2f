"""A part of a stack: one program, and what its supervision has to know about it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from local.stack.processes import Running


def _nothing_to_prepare() -> None:
    """Do nothing: most parts start as they are."""


def _always() -> bool:
    """Return that a part is always wanted."""
    return True


@dataclass(frozen=True)
class Part:
    """A program of the stack that runs until the stack is stopped (or, as a step, until its work is done)."""

    name: str
    command: list[str]
    env: Callable[[], dict[str, str]]
    ready: Callable[[Running], bool]
    needs: tuple[str, ...] = ()
    port_setting: str | None = None
    user: str | None = None
    prepare: Callable[[], None] = _nothing_to_prepare
    stop_signal: signal.Signals = signal.SIGTERM
    is_step: bool = False
    due: Callable[[], bool] = _always
    patience: float = 180.0

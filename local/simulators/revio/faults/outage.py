"""An outage of the whole vendor: for some seconds no call is let in, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OutageKind = Literal["refuse", "hang", "error"]


class Outage(BaseModel):
    """How it fails: the connection is cut at once, no answer until the client gives up, or 503."""

    model_config = ConfigDict(extra="forbid")

    kind: OutageKind
    seconds: float = Field(gt=0, le=86_400)


class OutageSwitch:
    """The outage there is, if there is one; it ends by itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kind: OutageKind | None = None
        self._until = 0.0

    def start(self, outage: Outage) -> None:
        """Begin an outage now, instead of the one there may be."""
        self._kind, self._until = outage.kind, self._clock() + outage.seconds

    def end(self) -> None:
        """Let calls in again."""
        self._kind = None

    @property
    def kind(self) -> OutageKind | None:
        """How a call fails at this moment, or nothing."""
        return self._kind if self._clock() < self._until else None

    @property
    def seconds_left(self) -> float:
        """How long it still lasts."""
        return max(0.0, self._until - self._clock()) if self.kind else 0.0

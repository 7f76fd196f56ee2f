"""The switches of the simulator that can be changed while it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ThrottleShape = Literal["header", "body"]
EmptyDate = Literal["null", "blank", "year_one"]


class Settings(BaseModel):
    """How the vendor behaves today; the same for all accounts."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: float = Field(0, ge=0, le=600_000)
    calls_per_minute: int = Field(500, ge=0)
    calls_per_day: int = Field(150_000, ge=0)
    throttle_shape: ThrottleShape = "header"
    """Whether a 429 says how long to wait in `Retry-After`, or only in the text of its body."""
    empty_date: EmptyDate = "null"
    """How 'no date' is written: null, an empty string, or 0001-01-01T00:00:00."""
    search_lag_seconds: float = Field(0, ge=0, le=86_400)
    """How long a search misses a line that was just created; its id finds it at once."""


class SettingsChange(BaseModel):
    """Some switches to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: float | None = Field(None, ge=0, le=600_000)
    calls_per_minute: int | None = Field(None, ge=0)
    calls_per_day: int | None = Field(None, ge=0)
    throttle_shape: ThrottleShape | None = None
    empty_date: EmptyDate | None = None
    search_lag_seconds: float | None = Field(None, ge=0, le=86_400)

    def applied_to(self, settings: Settings) -> Settings:
        """Return the settings with this change made."""
        return settings.model_copy(update=self.model_dump(exclude_none=True))

"""The switches of the simulator that can be changed while it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from local.simulators.revio.dates import DateStyle, EmptyDate

ThrottleShape = Literal["header", "body"]
LatencyShape = Literal["fixed", "uniform", "log_normal"]
ListOrder = Literal["oldest_first", "newest_first"]

EVERY_FILTER = "*"


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):
        raise ValueError(f"{name!r} is not a time zone; name one like Pacific/Auckland") from None


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class Settings(BaseModel):
    """How the vendor behaves today; the same for all accounts."""

    model_config = ConfigDict(extra="forbid")

    latency_shape: LatencyShape = "fixed"
    latency_ms: float = Field(0, ge=0, le=600_000)
    """How long an answer takes: each (fixed), the fastest (uniform), or the median (log_normal)."""
    latency_high_ms: float | None = Field(None, ge=0, le=600_000)
    """How long the slowest answer takes (uniform), or the 95th percentile (log_normal)."""
    calls_per_minute: int = Field(500, ge=0)
    calls_per_day: int = Field(150_000, ge=0)
    throttle_shape: ThrottleShape = "header"
    """Whether a 429 says how long to wait in `Retry-After`, or only in the text of its body."""
    empty_date: EmptyDate = "null"
    """How 'no date' is written: null, an empty string, or 0001-01-01T00:00:00."""
    search_lag_seconds: float = Field(0, ge=0, le=86_400)
    """How long lists miss a line or a product that was just created; a line's id finds it at once."""
    ignored_filters: list[str] = []
    """Filters of lists that are taken and do nothing, by name; `*` is every one."""
    refused_filters: list[str] = []
    """Filters of lists that are answered 400, by name."""
    empty_filters: list[str] = []
    """Filters of lists that are answered with no record at all, by name; `*` is every one."""
    lists_hide_disconnected: bool = False
    """Whether lists leave out lines that have ended; a line's id finds it still."""
    list_order: ListOrder = "oldest_first"
    """Newest first, a line that is created while somebody pages moves the last record of a page to the next one."""
    clock_off_seconds: float = Field(0, ge=-10_000_000, le=10_000_000)
    """By how much the vendor's clock is ahead (or, below 0, behind) when it dates what it creates."""
    time_zone: TimeZone = "UTC"
    """The local time of created_date, disconnected_date, created_date_start and the day of a disconnection (IANA)."""
    account_time_zones: dict[str, TimeZone] = {}
    """The time zones of accounts that have another one, by the account's name."""

    def dates(self, account: str) -> DateStyle:
        """Return how an account writes its dates."""
        return DateStyle(self.empty_date, self.account_time_zones.get(account, self.time_zone))

    @model_validator(mode="after")
    def _latency_has_its_ends(self) -> Self:
        if self.latency_shape == "fixed":
            return self
        if self.latency_high_ms is None or self.latency_high_ms < self.latency_ms:
            raise ValueError(f"latency_shape {self.latency_shape} needs a latency_high_ms of at least latency_ms")
        if self.latency_shape == "log_normal" and self.latency_ms == 0:
            raise ValueError("latency_shape log_normal needs a median (latency_ms) above 0")
        return self


class SettingsChange(BaseModel):
    """Some switches to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    latency_shape: LatencyShape | None = None
    latency_ms: float | None = None
    latency_high_ms: float | None = None
    calls_per_minute: int | None = None
    calls_per_day: int | None = None
    throttle_shape: ThrottleShape | None = None
    empty_date: EmptyDate | None = None
    search_lag_seconds: float | None = None
    ignored_filters: list[str] | None = None
    refused_filters: list[str] | None = None
    empty_filters: list[str] | None = None
    lists_hide_disconnected: bool | None = None
    list_order: ListOrder | None = None
    clock_off_seconds: float | None = None
    time_zone: TimeZone | None = None
    account_time_zones: dict[str, TimeZone] | None = None

    def applied_to(self, settings: Settings) -> Settings:
        """Return the settings with this change made; raises ValidationError when they make no sense together."""
        return Settings.model_validate(settings.model_dump() | self.model_dump(exclude_none=True))

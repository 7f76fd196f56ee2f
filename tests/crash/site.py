"""A change whose devices passed the checks, all that its workers need, and how patient they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_association.bulk_changes.claims import Claim
from tests.crash.foreman import Foreman
from tests.crash.vendor import VendorProcess
from tests.crash.worker import Job
from tests.flow import Flow

PATIENT = {
    "rev_connect_timeout_seconds": 1.0,
    "rev_read_timeout_seconds": 1.5,
    "rev_call_timeout_seconds": 2.0,
    "rev_lease_seconds": 4.0,
    "rev_search_lag_seconds": 8.0,
    "rev_retry_window_seconds": 5.0,
    "max_mapped_tasks": 12,
    "min_slice_devices": 25,
    "rows_per_statement": 100,
}
"""Settings for a vendor whose lists lag by five seconds."""
SHORT = {
    "rev_connect_timeout_seconds": 1.0,
    "rev_read_timeout_seconds": 1.0,
    "rev_call_timeout_seconds": 1.0,
    "rev_lease_seconds": 2.5,
    "rev_search_lag_seconds": 2.5,
    "rev_retry_window_seconds": 3.0,
    "rev_concurrency": 4,
    "max_mapped_tasks": 2,
    "min_slice_devices": 3,
    "rows_per_statement": 2,
}
"""Settings that forget a dead worker soon."""


def from_environment(name: str, default: float) -> float:
    return float(os.environ.get(name, default))


@dataclass
class Site:
    """A change whose devices passed the checks, and all that its workers need."""

    flow: Flow
    vendor: VendorProcess
    claim: Claim
    folder: Path

    def foreman(
        self,
        settings: dict[str, Any],
        *,
        deaths: tuple[tuple[str, int], ...] = (),
        limits: dict[str, Any] | None = None,
        **more: Any,
    ) -> Foreman:
        files = {str(self.folder / f"death-{number}"): death for number, death in enumerate(deaths)}
        key = self.claim.bulk_change_id, self.claim.retry_number, self.claim.run_id, self.claim.actor
        job = Job(
            database=self.flow.portal.url.render_as_string(hide_password=False),
            revio_url=self.vendor.url,
            claim=dict(zip(("bulk_change_id", "retry_number", "run_id", "actor"), key, strict=True)),
            settings=settings,
            deaths=files,
            **limits or {},
        )
        return Foreman(job, self.folder, **more)

    def created(self) -> int:
        """Return how many SIMs have their line."""
        intents = self.flow.all("device_association", "line_intent", bulkchangeid=self.claim.bulk_change_id)
        return sum(one["state"] == "CREATED" for one in intents)

    def deaths_died(self) -> int:
        """Return how many of the planned deaths were died."""
        return len(list(self.folder.glob("death-*")))


Opened = Callable[..., AbstractContextManager[Site]]

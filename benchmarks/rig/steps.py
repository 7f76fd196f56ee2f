"""The steps of one change as its tasks call them, without Airflow around them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from device_association.associations import associate as associations
from device_association.bulk_changes import claims
from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.close import close_bulk_change
from device_association.data_checks import gate
from device_association.domain.encoding import utc_milliseconds
from device_association.requests.validate import validate_devices
from device_association.service_lines import plan as line_planning
from device_association.service_lines.context import Clients
from device_association.settings import Settings

RUN = "bench"


def open_change(engine: Engine, change: int) -> None:
    """Claim the change."""
    claims.take_claim(engine, change, retry_number=0, run_id=RUN, is_run_active=lambda _: False, now=now())


def validate(engine: Engine, change: int) -> None:
    """Refuse the devices that may not go on."""
    validate_devices(engine, claim_of(engine, change), now=now())


def check(engine: Engine, change: int) -> None:
    """Let Great Expectations pass the batch."""
    with tempfile.TemporaryDirectory() as folder:
        gate.check_data(engine, claim_of(engine, change), docs_folder=Path(folder), now=now())


def plan(engine: Engine, change: int, clients: Clients, settings: Settings) -> list[int]:
    """Return the numbers of the slices whose devices want a line."""
    return line_planning.plan_rev_services(engine, claim_of(engine, change), clients, settings, clock=now)


def plan_without_lines(engine: Engine, change: int) -> None:
    """Plan a change that asks for no line."""
    plan(engine, change, _no_client, Settings(queue_url="none"))


def associate(engine: Engine, change: int) -> None:
    """Give the devices to the customer."""
    claim = claim_of(engine, change)
    associations.associate_devices(engine, claim, clock=now)


def write_history(engine: Engine, change: int) -> None:
    """Run the first final procedure."""
    associations.update_cross_provider_device_history(engine, claim_of(engine, change), now=now())


def link(engine: Engine, change: int) -> None:
    """Run the second final procedure."""
    associations.update_device_rev_service_links(engine, claim_of(engine, change), now=now())


def close(engine: Engine, change: int) -> None:
    """Give the change its final status, which must be PROCESSED."""
    closed = close_bulk_change(engine, claim_of(engine, change), failed_steps=[], now=now())
    if closed.status != "PROCESSED":
        raise AssertionError(f"change {change} ended as {closed.status}: {closed.codes}")


Step = Callable[[Engine, int], None]
BEFORE_LINES: tuple[Step, ...] = (open_change, validate, check)
AFTER_LINES: tuple[Step, ...] = (associate, write_history, link, close)
WITHOUT_LINES: tuple[Step, ...] = (*BEFORE_LINES, plan_without_lines, *AFTER_LINES)


def claim_of(engine: Engine, change: int) -> Claim:
    """Return the claim that `open_change` took."""
    return claims.find_claim(engine, change, 0, RUN)


def now() -> datetime:
    """Return the time as the portal's tables keep it."""
    return utc_milliseconds(datetime.now(UTC))


def _no_client(connection_id: str) -> Any:
    raise AssertionError(f"nobody asks Rev.io here, {connection_id} was wanted")

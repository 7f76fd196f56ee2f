"""What the database steps of one big change cost: from opening to closing, without Rev.io and without Airflow around them.

Each step runs in a process of its own, forked from one that has paid for its imports, as Airflow's workers do.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from device_association import associations, bulk_changes, claims, closing, data_checks, line_planning, validation
from device_association.claims import Claim
from device_association.database import ROWS_PER_STATEMENT, make_engine
from device_association.dialects import utc_milliseconds
from device_association.schema import upgrade
from device_association.settings import Settings
from local import sample_data
from local.portal_tables import named
from local.sample_data import world
from local.stack import Stack

DATABASE = "portal_bench"
FIRST_DEVICE = 100_001
KINDS = (10_000, 100_000)
RUN = "bench"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds and the peak memory of the largest step's process."""

    seconds: float
    peak_mib: float


class DatabaseBench:
    """A portal database of its own beside the stack's, with enough devices for the biggest change."""

    def __init__(self, stack: Stack) -> None:
        self.url = make_url(stack.portal_url).set(database=DATABASE)
        admin = create_engine(stack.portal_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {DATABASE}"))
        admin.dispose()
        upgrade(self.url.render_as_string(hide_password=False))
        engine = make_engine(self.url)
        sample_data.load(engine)
        _add_devices(engine, sum(KINDS))
        engine.dispose()

    @cache  # noqa: B019 - one object lives as long as the program
    def cost(self, devices: int) -> Cost:
        """Return what one change of so many devices costs; devices of the other kind are others."""
        first = FIRST_DEVICE + sum(kind for kind in KINDS if kind < devices)
        change_id = _apart(self.url, lambda engine: _create(engine, range(first, first + devices)))[0]
        measured = [_apart(self.url, lambda engine, step=step: step(engine, change_id)) for step in STEPS]
        return Cost(sum(seconds for _, seconds, _ in measured), max(peak for *_, peak in measured))


def _create(engine: Engine, numbers: range) -> int:
    asked = {
        "ServiceProviderId": world.JASPER,
        "Devices": [world.iccid(number) for number in numbers],
        "RevCustomerId": world.ACME,
        "AddCustomerRatePlan": True,
        "CustomerRatePlan": world.RATE_PLAN,
    }
    created = bulk_changes.create_bulk_change(engine, asked, user_name="dora.ops", now=_now(), max_devices=100_000)
    return created.change_id


def _open(engine: Engine, change: int) -> None:
    claims.take_claim(engine, change, retry_number=0, run_id=RUN, run_lives=lambda _: False, now=_now())


def _validate(engine: Engine, change: int) -> None:
    validation.validate_devices(engine, _claim(engine, change), now=_now())


def _check(engine: Engine, change: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data_checks.check_data(engine, _claim(engine, change), docs_folder=Path(folder), now=_now())


def _plan(engine: Engine, change: int) -> None:
    settings = Settings(queue_url="none")
    line_planning.plan_rev_services(engine, _claim(engine, change), _no_client, settings, now=_now())


def _associate(engine: Engine, change: int) -> None:
    claim = _claim(engine, change)
    associations.associate_devices(engine, claim, clock=_now, rows_at_once=ROWS_PER_STATEMENT)


def _history(engine: Engine, change: int) -> None:
    associations.update_cross_provider_device_history(engine, _claim(engine, change), now=_now())


def _links(engine: Engine, change: int) -> None:
    associations.update_device_rev_service_links(engine, _claim(engine, change), now=_now())


def _close(engine: Engine, change: int) -> None:
    closed = closing.close_bulk_change(engine, _claim(engine, change), failed_steps=[], now=_now())
    if closed.status != "PROCESSED":
        raise AssertionError(f"change {change} ended as {closed.status}: {closed.codes}")


STEPS: tuple[Callable[[Engine, int], None], ...] = (
    *(_open, _validate, _check, _plan, _associate, _history, _links, _close),
)


def _no_client(connection_id: str) -> Any:
    raise AssertionError(f"nobody asks Rev.io here, {connection_id} was wanted")


def _claim(engine: Engine, change: int) -> Claim:
    return claims.find_claim(engine, change, 0, RUN)


def _now() -> datetime:
    return utc_milliseconds(datetime.now(UTC))


def _apart(url: Any, work: Callable[[Engine], Any]) -> tuple[Any, float, float]:
    """Run the work in a forked process; return its result, its seconds and its process' peak in MiB."""
    import airflow.sdk  # noqa: F401 -- as below: a task's process has both
    import great_expectations  # noqa: F401 -- imported before the fork, as the scheduler does it

    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def child() -> None:
        began = time.perf_counter()
        result = work(make_engine(url))
        seconds = time.perf_counter() - began
        send.send((result, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    process = context.Process(target=child)
    process.start()
    send.close()
    try:
        return receive.recv()  # type: ignore[no-any-return]
    except EOFError:
        raise AssertionError("a step failed, see above") from None
    finally:
        process.join()


def _add_devices(engine: Engine, count: int) -> None:
    numbers = range(FIRST_DEVICE, FIRST_DEVICE + count)
    with engine.begin() as connection:
        for start in range(0, count, 1000):
            part = numbers[start : start + 1000]
            devices = [
                {
                    "id": number,
                    "ServiceProviderId": world.JASPER,
                    "ICCID": world.iccid(number),
                    "MSISDN": world.msisdn(number),
                    "DeviceStatusId": 1,
                    "DateActivated": datetime(2026, 1, 1, tzinfo=UTC),
                }
                for number in part
            ]
            tenants = [{"DeviceId": number, "TenantId": world.NORTHWIND} for number in part]
            connection.execute(named("dbo.Device", *devices[0]).insert().values(devices))
            connection.execute(named("dbo.Device_Tenant", *tenants[0]).insert().values(tenants))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))

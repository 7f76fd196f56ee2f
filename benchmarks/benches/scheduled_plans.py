"""What one run costs that sets very many scheduled plans: asked for in one change, all due on the same date."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy import Engine, event, text

from benchmarks.progress import Tell, silent
from benchmarks.rig.portal import FIRST_DEVICE, make_portal, request_change
from benchmarks.rig.steps import WITHOUT_LINES, now
from device_association.associations.rate_plans import Interval, apply_due_plans
from device_association.database.execution import make_engine
from local.sample_data import world

TOMORROW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and how many statements were sent."""

    seconds: float
    statements: int


class PlansBench:
    """A portal database of its own beside the stack's, whose devices wait for their plan."""

    def __init__(self, portal_url: str, devices: int = 50_000, tell: Tell = silent) -> None:
        self.url, self._devices, self._tell = make_portal(portal_url, "plans_bench", devices, tell), devices, tell

    @cached_property
    def cost(self) -> Cost:
        """Return what the run costs on whose date every plan is due."""
        engine = make_engine(self.url)
        self._schedule(engine)
        sent: list[int] = []
        event.listen(engine, "before_cursor_execute", lambda *_: sent.append(1))
        self._tell(f"setting {self._devices:,} due plans")
        began = time.perf_counter()
        outcomes = apply_due_plans(engine, Interval(), clock=lambda: now() + TOMORROW)
        seconds = time.perf_counter() - began
        engine.dispose()
        if outcomes["APPLIED"] != self._devices:
            raise AssertionError(f"{self._devices} plans were due: {outcomes}")
        return Cost(seconds, len(sent))

    def _schedule(self, engine: Engine) -> None:
        plan = {"AddCustomerRatePlan": True, "CustomerRatePlan": world.RATE_PLAN, "CustomerRatePool": world.RATE_POOL}
        terms = plan | {"EffectiveDate": (now() + TOMORROW / 2).isoformat()}
        change = request_change(engine, range(FIRST_DEVICE, FIRST_DEVICE + self._devices), terms)
        for step in WITHOUT_LINES:
            self._tell(f"scheduling {self._devices:,} plans, {step.__name__}")
            step(engine, change)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))

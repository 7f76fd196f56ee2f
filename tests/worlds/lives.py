"""Brings a random world to its end: its request and the changes that were there before, and then the plans that are due."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from device_association.associations.rate_plans import Interval, apply_due_plans
from device_association.domain.errors import RevioRejected
from device_association.portal.form_options import list_choices
from device_association.settings import Settings
from tests.flow import NOW, Clock, Flow, Rev
from tests.worlds import World
from tests.worlds.tables import comparable, load_world, move_world
from tests.worlds.values import EARLIER, OTHER_PROGRAMS, PORTALS


@dataclass
class Life:
    """What became of a world: what every step returned or raised, and which changes were closed."""

    flow: Flow
    said: list[Any] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def bring_to_its_end(self, world: World, change_id: int) -> None:
        """Run every step of a change, some twice."""
        flow = self.flow
        run_id = world.run_id or f"bulk_change__{change_id}__0"
        claim = self.say(lambda: flow.open(change_id, run_id=run_id))
        if claim is None:
            return
        for _ in range(2 if world.twice else 1):
            self.say(lambda: flow.check(claim))
            self.say(lambda: self._frame(change_id))
            self.say(lambda: flow.lines(claim, last_try=True))
            self.say(lambda: flow.associate(claim))
            flow.clock.pass_seconds(0.25)
        if self.say(lambda: flow.close(claim)) is not None:
            self.closed.append(change_id)

    def say(self, step: Callable[[], Any]) -> Any:
        """Run a step and keep what came of it: its result, or what it raised."""
        try:
            result = step()
        except Exception as problem:
            self.problems.append(problem)
            self.said.append(comparable(problem))
            return None
        self.said.append(comparable(result if not hasattr(result, "seconds_by_step") else result.codes))
        return result

    def _frame(self, change_id: int) -> list[dict[str, Any]]:
        return self.flow.statement("data_checks/load_frame", bulk_change_id=change_id, now=self.flow.clock())


def live(engine: Engine, world: World, docs: Path) -> Life:
    """Bring a world to its end and return what became of it; the database is as it is then."""
    load_world(engine, world)
    rev = Rev(kept=deepcopy(world.lines), refusing={sim: [deepcopy(error)] for sim, error in world.answers.items()})
    if world.refuses_products:
        rev.refusing_products.append(RevioRejected("POST /v1/ServiceProduct was answered 400: no 😀", status=400))
    life = Life(Flow(engine, docs, rev, Clock(), Settings(queue_url="http://queue", rev_concurrency=1)))
    flow, created = life.flow, None
    if world.request is not None:
        created = life.say(lambda: flow.create(world.request or {}, user=world.user, run_id=world.run_id))
        if world.twice and world.run_id:
            life.say(lambda: flow.create(world.request or {}, user=world.user, run_id=world.run_id))
    move_world(engine, world.meanwhile)
    flow.clock.pass_seconds(61.5)
    for change_id in ([created.change_id] if created else []) + [PORTALS, EARLIER, OTHER_PROGRAMS]:
        life.bring_to_its_end(world, change_id)
    few = engine.execution_options(rows_per_statement=3)
    for days in (2, 1000):
        flow.clock.now = NOW + timedelta(days=days)
        life.say(lambda: apply_due_plans(few, Interval(), clock=flow.clock))
    life.say(lambda: {field: sorted(offered) for field, offered in list_choices(engine).items()})
    life.said.append(comparable([rev.kept, rev.products_kept]))
    return life

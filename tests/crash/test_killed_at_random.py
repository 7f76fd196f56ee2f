"""Live workers are killed at random, many times, while the vendor lies: each SIM is billed once all the same."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from local.sample_data import groups
from tests.crash.books import check_books, figures
from tests.crash.foreman import Foreman, Hand
from tests.crash.site import PATIENT, Opened, Site, from_environment
from tests.crash.vendor import VendorProcess

pytestmark = pytest.mark.slow
DEVICES = int(from_environment("CRASH_DEVICES", 300))
KILLS = int(from_environment("CRASH_KILLS", 15))
SEED = int(from_environment("CRASH_SEED", 20261125))
LAG = 5
LIES = ("error_after", "timeout_after", "ok_false_after", "no_id_after")
SHARE = 0.026
"""Four lies of so many calls each, one after the other, are a tenth of all."""


@dataclass
class Killer:
    """Kills a live worker in mid-slice each time that the change has come a bit further; in the end once in each task."""

    site: Site
    devices: int
    kills: int
    chance: random.Random
    killed: int = 0
    killed_later: int = 0
    not_before: float = 0.0
    later: list[str] = field(default_factory=lambda: ["associate", "history", "links", "close"])

    def tick(self, foreman: Foreman) -> None:
        """Kill somebody if it is time."""
        task = foreman.doing()
        if task in self.later and foreman.busy(task):
            self.later.remove(task)
            self.killed_later += 1
            time.sleep(self.chance.uniform(0, 0.02))
            self._kill(foreman.busy(task)[0])
        if (
            self.killed < self.kills
            and time.monotonic() > self.not_before
            and self._is_due()
            and (busy := foreman.busy())
        ):
            self.killed += 1
            self._kill(self.chance.choice(busy))
            self.not_before = time.monotonic() + self.chance.uniform(0, 0.6)

    def _is_due(self) -> bool:
        with self.site.flow.portal.connect() as connection:
            left = connection.scalar(
                text("SELECT count(*) FROM device_association.line_intent WHERE State = 'PLANNED'")
            )
        return left is not None and left < self.devices * (self.kills - self.killed + 1) / (self.kills + 2)

    @staticmethod
    def _kill(hand: Hand) -> None:
        hand.began = False
        hand.process.kill()


def test_workers_killed_at_random_bill_each_sim_once(
    opened: Opened, vendor: VendorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    world = groups()
    accepted = [*world.plain[: DEVICES - 5], *world.adoptable]
    vendor.change(search_lag_seconds=LAG, latency_ms=150)
    for lie in LIES:
        vendor.fault(lie, share=SHARE, seconds=3)
    with opened(vendor, [*accepted, *world.ambiguous]) as site:
        killer, started = Killer(site, DEVICES, KILLS, random.Random(SEED)), time.monotonic()
        foreman = site.foreman(PATIENT, workers=3, tick=killer.tick)
        closed = foreman.run_change(seconds=280)
        took, counted = time.monotonic() - started, figures(site.flow.portal)
        with capsys.disabled():
            print(
                f"\n{DEVICES} devices, {foreman.died_in['slice']} kills in mid-slice and {killer.killed_later} later "
                f"(seed {SEED}), {foreman.tries} tries, {counted.begun} calls begun: {counted.lies} lies met, "
                f"{counted.orphans} calls orphaned; of these {counted.unknown} unknown outcomes {counted.found} were found, "
                f"{counted.repeated} called again, all settled in {took:.0f} s"
            )
        assert foreman.failures == []
        assert closed["codes"] == {"PROCESSED": len(accepted), "REV_LINE_AMBIGUOUS": len(world.ambiguous)}
        check_books(site.flow, vendor, site.claim.bulk_change_id, accepted=accepted)
        assert counted.unknown == counted.settled
        assert killer.killed == KILLS
        assert foreman.died_in["slice"] >= KILLS * 0.9, "a few may have ended their slice a moment before"
        assert counted.lies > 0

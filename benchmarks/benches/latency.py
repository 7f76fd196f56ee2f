"""How long one small change takes on the whole local stack, and how long one of hundreds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TypeVar

from sqlalchemy import MetaData, Table, select

from benchmarks.progress import Tell, silent
from benchmarks.quantiles import median
from benchmarks.rig.portal import FIRST_DEVICE, add_devices
from device_association.bulk_changes.access import Right, find_caller
from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.locks import find_bulk_change
from device_association.bulk_changes.stops import stop
from device_association.database.execution import make_engine
from device_association.domain.codes import RUNNING, DeviceCode
from device_association.domain.encoding import utc_milliseconds
from device_association.messaging.outbox import MESSAGE, flush_outbox
from device_association.requests.approval_rules import ApprovalRule, set_rule
from device_association.requests.approvals import answer_approval
from device_association.requests.create import create_bulk_change
from local import sample_data
from local.sample_data import groups, world
from local.stack.servers import postgres
from local.stack.stack import Stack

TRIES = 25
POLL_SECONDS = 0.02
WAIT_SECONDS = 900.0
"""After this long without what is waited for, the figure fails."""
SMALL, SMALL_TRIES, BIG = 5, 5, 20_000
BURST, WAITING = 200, 20
Answer = TypeVar("Answer")


class Bench:
    """The running stack with a fresh sample world."""

    def __init__(self, stack: Stack, tell: Tell = silent) -> None:
        self.stack, self._tell = stack, tell
        self.portal = make_engine(stack.portal_url)
        self.airflow = make_engine(postgres.url(stack.settings, stack.secrets, "airflow"))
        self.runs = Table("dag_run", MetaData(), schema="public", autoload_with=self.airflow)
        sample_data.load(self.portal)
        self.stack.control_vendor("POST", "reset")
        self._unused = iter(groups().plain)

    @cache  # noqa: B019 - one object lives as long as the program
    def one_device(self) -> tuple[list[float], list[float]]:
        """Return, for each try of a change of one device, seconds until its run exists and until it is final.

        Both count from SendMessage's return. The first try warms up and is left out.
        """
        measured = [self._one(number) for number in range(TRIES + 1)][1:]
        return [run for run, _ in measured], [final for _, final in measured]

    @cache  # noqa: B019 - one object lives as long as the program
    def lines_seconds(self, count: int) -> float:
        """Return the seconds of a change of so many devices with lines, Rev.io at 50 ms; each SIM must have one line.

        The limits of simulator and product are lifted for it: 500 calls a minute would be minutes by themselves.
        """
        devices = [next(self._unused) for _ in range(count)]
        with self._without_limit():
            self._tell(f"a change of {count:,} lines")
            change, sent = self._ask(devices)
            self._until_final(change)
            seconds = time.time() - sent
        lines = self.stack.lines_by_sim()
        exact = sum(lines.get(iccid) == 1 for iccid in devices)
        if exact != count:
            raise AssertionError(f"only {exact} of {count} SIMs have exactly one line")
        return seconds

    @cached_property
    def burst(self) -> tuple[float, float]:
        """Return when the last run of 200 changes existed, and when the last of them was final.

        They are asked for first and enqueued at once; both count from before the first SendMessage.
        """
        changes = [self._stored([next(self._unused)]) for _ in range(BURST)]
        sent = self._send()
        wanted = {f"bulk_change__{change}__0" for change in changes}

        def all_made() -> list[float] | None:
            made = self._queued(wanted)
            self._tell("runs made,", len(made), BURST)
            return made if len(made) == BURST else None

        # Airflow says when each was made; looking more often would slow down what is measured.
        made = _wait(all_made, f"the runs of {BURST} changes", pause=1)
        for number, change in enumerate(changes, 1):
            self._tell("until final, change", number, BURST)
            self._until_final(change)
        return max(made) - sent, time.time() - sent

    @cached_property
    def beside_approvals(self) -> float:
        """Return the median seconds of a change of one device while 20 others wait for a second person."""
        with self.portal.connect() as connection:
            asker = find_caller(connection, "dora.ops", Right.EDIT)
            answerer = find_caller(connection, "admin", Right.EDIT)
        set_rule(self.portal, asker, ApprovalRule(most_devices=1), now=datetime.now(UTC))
        try:
            waiting = [self._stored([next(self._unused) for _ in range(2)]) for _ in range(WAITING)]
            self._tell(f"waiting until {WAITING} approvals are asked for")
            self._until_asked(waiting)
            final = [self._one(number)[1] for number in range(1, TRIES + 1)]
        finally:
            set_rule(self.portal, asker, ApprovalRule(), now=datetime.now(UTC))
        for change in waiting:
            answer_approval(self.portal, answerer, change, approve=False, reason="measured", now=datetime.now(UTC))
        return median(final)

    @cached_property
    def small_change_delay(self) -> float:
        """Return how many seconds longer a small change takes while a big one has used up the account's minute."""
        alone = self._small("alone")
        add_devices(self.portal, BIG, self._tell)
        made = self._made()
        big, _ = self._ask([world.iccid(number) for number in range(FIRST_DEVICE, FIRST_DEVICE + BIG)])
        enough = self.stack.settings.revio_calls_per_minute + 20

        def is_used_up() -> bool:
            self._tell("lines of the big change,", self._made() - made, enough)
            return self._made() - made >= enough

        try:
            _wait(is_used_up, f"{enough} lines of the big change", pause=1)
            beside = self._small("beside a big one")
        finally:
            self._cancel(big)
        self._until_final(big)
        return beside - alone

    def _cancel(self, change: int) -> None:
        """Stop a change that was measured enough."""
        with self.portal.begin() as connection:
            claim = Claim(change, 0, f"bulk_change__{change}__0", "dora.ops")
            now = utc_milliseconds(datetime.now(UTC))
            stop(connection, claim, DeviceCode.CANCELED_BY_USER, "measured enough", now=now)

    def _small(self, where: str) -> float:
        """Return the median of a small change's seconds, from its message to its end."""
        tries = []
        for number in range(1, SMALL_TRIES + 1):
            self._tell(f"{SMALL} devices {where}, try", number, SMALL_TRIES)
            change, sent = self._ask([next(self._unused) for _ in range(SMALL)])
            self._until_final(change)
            tries.append(time.time() - sent)
        return median(tries)

    def _made(self) -> int:
        """Return how many lines were asked of Rev.io."""
        return int(self.stack.control_vendor("GET", "counters").get("POST /v1/Services", 0))

    @contextmanager
    def _without_limit(self) -> Iterator[None]:
        """Lift the limits, and let Rev.io answer after 50 ms; tasks have the product's limit from the scheduler."""
        settings = self.stack.settings
        usual = {"latency_ms": settings.revio_latency_ms, "calls_per_minute": settings.revio_calls_per_minute}
        lifted = {"latency_ms": 50, "calls_per_minute": 1_000_000}
        self.stack.control_vendor("PATCH", "settings", lifted)
        try:
            self._tell("restarting the scheduler without the limit")
            Stack(settings.model_copy(update={"revio_calls_per_minute": 1_000_000})).restart("scheduler")
            yield
        finally:
            self._tell("restarting the scheduler with the limit")
            self.stack.restart("scheduler")
            self.stack.control_vendor("PATCH", "settings", usual)

    def _one(self, number: int) -> tuple[float, float]:
        """Return the seconds of one try: until its run exists, and until it is final. Try 0 warms up."""
        if number:
            self._tell("one device, try", number, TRIES)
        else:
            self._tell("one device, warming up")
        change, sent = self._ask([next(self._unused)])
        made = _wait(lambda: self._queued({f"bulk_change__{change}__0"}), f"the run of change {change}")
        self._until_final(change)
        return made[0] - sent, time.time() - sent

    def _queued(self, run_ids: set[str]) -> list[float]:
        """Return when those of the runs were made that exist, by Airflow's own clock (the same machine's)."""
        with self.airflow.connect() as connection:
            made = connection.scalars(select(self.runs.c.queued_at).where(self.runs.c.run_id.in_(run_ids)))
            return [one.timestamp() for one in made if one]

    def _until_asked(self, changes: list[int]) -> None:
        """Let the sweep ask about the changes, and wait until every question waits for a person."""
        api = self.stack.api()
        api.post("/api/v2/dags/sweep_associations/dagRuns", {"logical_date": None})
        own = {f"bulk change {change}" for change in changes}
        waiting = "/api/v2/dags/approve_bulk_changes/dagRuns/~/taskInstances?state=awaiting_input&limit=1000"
        _wait(
            lambda: own <= {one["rendered_map_index"] for one in api.get(waiting)["task_instances"]},
            f"the questions about {len(changes)} changes",
            pause=1,
        )

    def _ask(self, devices: list[str] | tuple[str, ...]) -> tuple[int, float]:
        change = self._stored(devices)
        self._send()
        return change, time.time()

    def _send(self) -> float:
        """Send what is owed to the queue; return when that began."""
        began = time.time()
        flush_outbox(self.portal, MESSAGE, self.stack.queue_sender())
        return began

    def _stored(self, devices: list[str] | tuple[str, ...]) -> int:
        """Store a request as the portal does; its message is not sent yet."""
        sent = {
            "ServiceProviderId": world.JASPER,
            "Devices": list(devices),
            "RevCustomerId": world.ACME,
            "CreateRevService": True,
            "ServiceTypeId": world.SERVICE_TYPE,
            "ProviderId": world.PROVIDER,
        }
        created = create_bulk_change(
            self.portal, sent, user_name="dora.ops", now=datetime.now(UTC), max_devices=100_000
        )
        return created.change_id

    def _until_final(self, change: int) -> None:
        def is_final() -> bool:
            with self.portal.connect() as connection:
                found = find_bulk_change(connection, change)
            return found is not None and found.status not in RUNNING

        _wait(is_final, f"the end of change {change}")


def _wait(happened: Callable[[], Answer | None], what: str, *, pause: float = POLL_SECONDS) -> Answer:
    """Return the first answer that is true; raises TimeoutError after WAIT_SECONDS."""
    until = time.monotonic() + WAIT_SECONDS
    while not (answer := happened()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not there after {WAIT_SECONDS:.0f} s")
        time.sleep(pause)
    return answer

"""The calls that create lines: many at the same time, each begun and recorded once, the database asked in batches.

One thread deals with the database, the workers only speak to Rev.io. So a few statements begin as many calls as the account
has room for, and record all that have come back meanwhile; killed anywhere, what was begun and not recorded is looked up.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from device_association.call_budget import CallBudget, Pace, Slot
from device_association.claims import holding, stop_if_failing
from device_association.codes import DeviceCode
from device_association.database import Record, as_json, in_transaction, row, rows, run
from device_association.errors import RevioError, RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.line_outcomes import (
    Desk,
    Outcome,
    line_body,
    log_devices,
    log_entry,
    mirror_row,
    reject_line,
    settle_line,
    stop_change,
)
from device_association.revio import RevioClient

SOON = timedelta(seconds=1)
"""A call is begun no earlier than this before its moment, so that a pause or a stop finds few that were begun."""
TRY_AGAIN = 0.5
"""Seconds until a call is tried again that could not be begun though nothing is in its way any more."""
COUNT_EVERY = 10
"""How many refusals of a slice apart its change's refusals are counted: that reads all rows of the change."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Caller:
    """Creates the lines of devices of one account; `call_all` returns what became of each."""

    desk: Desk
    client: RevioClient
    budget: CallBudget | None
    workers: Executor
    pace: Pace
    waiting: deque[Record] = field(default_factory=deque)
    out: dict[Future[int], Record] = field(default_factory=dict)
    slots: deque[Slot] = field(default_factory=deque)
    ended: list[tuple[Record, Outcome]] = field(default_factory=list)
    not_before: float = 0.0
    give_up: float = 0.0
    refused: int = 0

    def call_all(self, devices: Iterable[Record]) -> list[tuple[Record, Outcome]]:
        """Call for each planned SIM once; what could not be called for long enough comes back as UNREACHABLE."""
        self.waiting.extend(devices)
        self.give_up = time.monotonic() + self.desk.settings.rev_retry_seconds
        try:
            while self.waiting or self.out:
                self._begin_some()
                self._record_some()
                if not self.out and time.monotonic() + self.pause() > self.give_up:
                    self.ended += [(device, Outcome.UNREACHABLE) for device in self.waiting]
                    self.waiting.clear()
        finally:
            while self.out:
                self._record_some()
            if self.budget and self.slots:
                self.budget.give_back(self.slots)
        return self.ended

    def _begin_some(self) -> None:
        """Begin as many calls as there is room for, here and at the account."""
        room = min(len(self.waiting), self.desk.settings.rev_concurrency - len(self.out))
        if room <= 0 or self.pause() > 0:
            return
        if self.budget is None:
            self._begin([(self.waiting.popleft(), None) for _ in range(room)])
            return
        if not self.slots:
            self._take(self.budget, room)
        if self.slots and self.slots[0].used_from - self.desk.clock() <= SOON:
            count = min(room, len(self.slots))
            self._begin([(self.waiting.popleft(), self.slots.popleft()) for _ in range(count)])

    def _take(self, budget: CallBudget, wanted: int) -> None:
        turn = budget.take(wanted, self.pace)
        self.slots.extend(turn.slots)
        if turn.wait:
            log.info("no call for %.1f s: %s", turn.wait, turn.reason)
            self.not_before = time.monotonic() + turn.wait
        if turn.probe:
            self._probe()

    def _probe(self) -> None:
        """Ask whether Rev.io answers again, by a call that changes nothing; the client tells the budget."""
        try:
            self.client.check_credentials()
        except RevioRetryable as problem:
            self._wait_after(problem)
        except RevioUnauthorized as refused:
            stop_change(self.desk, self.waiting[0], refused)

    def _wait_after(self, problem: RevioRetryable) -> None:
        log.warning("%s", problem)
        self.not_before = time.monotonic() + (1.0 if problem.retry_after is None else problem.retry_after)

    def _begin(self, calls: Sequence[tuple[Record, Slot | None]]) -> None:
        """Begin these calls in one statement; for each that may not be made, find out why."""
        limits = self.desk.settings
        send_by = time.monotonic() + limits.rev_lease_seconds - limits.rev_call_seconds
        begun = begin_calls(self.desk, [device for device, _ in calls])
        spared = []
        for device, slot in calls:
            if device["intent_id"] in begun:
                self.out[self.workers.submit(self._post, device, slot, send_by)] = device
                continue
            if slot:
                spared.append(slot)
            outcome = why_not(self.desk, device)
            if outcome is None:
                self.not_before = time.monotonic() + TRY_AGAIN
                self.waiting.append(device)
            else:
                self.ended.append((device, outcome))
        if self.budget and spared:
            self.budget.give_back(spared)

    def _post(self, device: Record, slot: Slot | None, send_by: float) -> int:
        """Call at the slot's moment; not at all when the lease could end before the call: another may be at it by then."""
        if slot is not None:
            time.sleep(max(0.0, (slot.used_from - self.desk.clock()).total_seconds()))
        if time.monotonic() > send_by:
            raise RevioRetryable(f"{device['iccid']}: no call was made, its time was up before it could be sent")
        return self.client.create_line(line_body(device))

    def pause(self) -> float:
        """Seconds until the next call may be begun."""
        if self.slots:
            return max(0.0, (self.slots[0].used_from - SOON - self.desk.clock()).total_seconds())
        return max(0.0, self.not_before - time.monotonic())

    def _record_some(self) -> None:
        """Wait until a call has come back or the next may be begun; record all that have come back."""
        pause = self.pause() if self.waiting and len(self.out) < self.desk.settings.rev_concurrency else None
        if not self.out:
            time.sleep(min(pause or 0.0, max(0.0, self.give_up - time.monotonic())))
            return
        back, _ = wait(self.out, timeout=pause, return_when=FIRST_COMPLETED)
        created = []
        for call in back:
            device = self.out.pop(call)
            problem = call.exception()
            if problem is None:
                created.append((device, call.result()))
            elif isinstance(problem, Exception):
                self._record_problem(device, problem)
            else:
                raise problem
        if created:
            self.give_up = time.monotonic() + self.desk.settings.rev_retry_seconds
            self.ended += record_created(self.desk, created)

    def _record_problem(self, device: Record, problem: Exception) -> None:
        if isinstance(problem, RevioRetryable):
            release(self.desk, device)
            self._wait_after(problem)
            self.waiting.append(device)
            return
        self.ended.append((device, record_refusal(self.desk, device, problem)))
        if self.ended[-1][1] is Outcome.REJECTED:
            self.refused += 1
            self._stop_if_failing()

    def _stop_if_failing(self) -> None:
        """Stop the change once Rev.io refuses too many of its devices."""
        if self.refused % COUNT_EVERY:
            return
        rule = {"percent": self.desk.settings.abort_percent, "sample": self.desk.settings.abort_sample}
        now = self.desk.clock()
        in_transaction(
            self.desk.engine, lambda connection: stop_if_failing(connection, self.desk.claim, now=now, **rule)
        )


def begin_calls(desk: Desk, devices: Sequence[Record]) -> set[int]:
    """Take the leases of the calls for these SIMs; return the intents whose call this worker must make now."""
    now = desk.clock()
    begun = in_transaction(
        desk.engine,
        lambda connection: rows(
            connection,
            "intents/begin_calls",
            intents=as_json([{"intent_id": device["intent_id"]} for device in devices]),
            connection_id=devices[0]["connection_id"],
            owner=desk.owner,
            lease_until=now + timedelta(seconds=desk.settings.rev_lease_seconds),
            run_id=desk.claim.run_id,
            now=now,
            **desk.claim.key,
        ),
    )
    return {one["intent_id"] for one in begun}


def why_not(desk: Desk, device: Record) -> Outcome | None:
    """Say why a SIM may not be called for: its change was stopped, somebody bills it already, which ends its row, ...

    None: nothing is in the way any more, it may be tried again. Raises ClaimLost when the run lost its change.
    """
    now = desk.clock()
    holding(desk.engine, desk.claim, now, lambda connection: None)
    with desk.engine.connect() as connection:
        stopped = row(connection, "intents/find_stop", **desk.claim.key)
        conflict = row(connection, "intents/find_conflict", intent_id=device["intent_id"], now=now)
        intent = row(connection, "intents/find_intent", intent_id=device["intent_id"])
    if stopped:
        return Outcome.STOPPED
    if intent is None or intent["state"] != "PLANNED":  # another worker of the slice is at it; the line may be its own
        return Outcome.UNKNOWN
    if conflict:
        reason = f"{conflict['said']}; have it disconnected first"
        reject_line(desk, device, DeviceCode.DEVICE_ASSIGNED_TO_OTHER_CUSTOMER, reason)
        return Outcome.REJECTED
    return None if intent["row_is_open"] else Outcome.UNKNOWN


def record_created(desk: Desk, created: Sequence[tuple[Record, int]]) -> list[tuple[Record, Outcome]]:
    """Record lines that were created, with their mirror and log rows, in one transaction; return each device's outcome."""
    now = desk.clock()
    mirrored = {device["intent_id"]: mirror_row(device, service_id) for device, service_id in created}

    def record(connection: Connection) -> set[int]:
        run(connection, "lines/own_lines", lines=as_json(list(mirrored.values())), now=now)
        settled = {
            one["intent_id"]
            for one in rows(
                connection,
                "intents/settle_calls",
                lines=as_json(
                    [
                        {
                            "intent_id": device["intent_id"],
                            "service_id": service_id,
                            "is_ready": int(not wants_products(device)),
                        }
                        for device, service_id in created
                    ]
                ),
                owner=desk.owner,
                now=now,
            )
        }
        told = [
            log_entry(device, response=f"line {service_id} created")
            for device, service_id in created
            if device["intent_id"] in settled
        ]
        if settled:
            own = [mirrored[intent_id] for intent_id in settled]
            run(connection, "lines/insert_rev_services", lines=as_json(own), actor=desk.claim.actor, now=now)
            log_devices(connection, desk, told, now)
        return settled

    settled = in_transaction(desk.engine, record)
    return [
        (device, Outcome.CREATED if device["intent_id"] in settled else _record_alone(desk, device, service_id))
        for device, service_id in created
    ]


def _record_alone(desk: Desk, device: Record, service_id: int) -> Outcome:
    """Record a line that belongs to another SIM, or that came after the lease of its call."""
    try:
        return settle_line(desk, device, service_id, Outcome.CREATED, None)[0]
    except RevioOutcomeUnknown as late:
        log.warning("%s: %s", device["iccid"], late)
        return Outcome.UNKNOWN


def wants_products(device: Record) -> bool:
    """Whether the request names products for the device's line."""
    return bool(json.loads(device["rev_product_id_list"]))


def record_refusal(desk: Desk, device: Record, problem: Exception) -> Outcome:
    """Record a call that ended in an error which will not be repeated now; what is unforeseen counts as outcome unknown."""
    if isinstance(problem, RevioUnauthorized):
        release(desk, device)
        stop_change(desk, device, problem)
        return Outcome.STOPPED
    if isinstance(problem, RevioRejected):
        reject_line(desk, device, DeviceCode.REV_REJECTED, f"Rev.io refused the line: {problem}")
        return Outcome.REJECTED
    if not isinstance(problem, RevioError):
        log.error("%s: something unforeseen; its line is looked up", device["iccid"], exc_info=problem)
    log.warning("%s: outcome unknown: %s", device["iccid"], problem)
    desk.transact(
        "intents/doubt_call",
        intent_id=device["intent_id"],
        owner=desk.owner,
        detail=f"{problem or type(problem)}"[:1000],
    )
    return Outcome.UNKNOWN


def release(desk: Desk, device: Record) -> None:
    """Give a call back that was certainly not acted on."""
    desk.transact("intents/release_call", intent_id=device["intent_id"], owner=desk.owner)

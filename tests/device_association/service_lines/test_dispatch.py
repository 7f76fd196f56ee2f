"""Calls under a budget: what turns one away or stops a change reaches no device it need not, and nobody is called twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from device_association.bulk_changes import stops
from device_association.bulk_changes.claims import Claim
from device_association.domain.encoding import utc_milliseconds
from device_association.domain.errors import (
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import MAX_FAILURES, OPEN_SECONDS, Limits
from device_association.revio.client import RevioClient
from device_association.revio.transport import Timeouts
from device_association.service_lines import create, plan
from device_association.service_lines.context import SliceContext, open_context
from device_association.service_lines.journal.calls import begin_calls
from local.sample_data import groups
from tests.flow import Clock, Flow, Rev, request, settings
from tests.raw_server import answer, drip, say, serving

PLAIN = groups().plain
ACCOUNT = "revio_northwind"


@dataclass
class Metered(Rev):
    """A client whose calls are told to a budget, and which meets the given errors, call by call."""

    budget: RateLimiter | None = None
    meets: list[RevioError | None] = field(default_factory=list)
    probes: int = 0

    def create_line(self, body: dict[str, Any]) -> int:
        with self.lock:
            problem = self.meets.pop(0) if self.meets else None
        self.tell(problem)
        if problem is not None:
            self.posts += 1
            raise problem
        return super().create_line(body)

    def check_credentials(self) -> None:
        self.probes += 1
        self.tell(None)

    def tell(self, problem: RevioError | None) -> None:
        if self.budget:
            self.budget.after_call(problem)


@dataclass
class Ticking(Clock):
    """A clock that goes on by itself, and further when the test says so."""

    began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return utc_milliseconds(self.now + timedelta(seconds=time.monotonic() - self.began))


@dataclass
class Slice:
    """One slice of a planned change, at an account with a budget."""

    flow: Flow
    claim: Claim
    number: int
    context: SliceContext
    rev: Metered
    budget: RateLimiter

    def run(self, *, last_try: bool = False) -> dict[str, int]:
        return create.create_rev_services(self.context, self.number, last_try=last_try)

    def end(self) -> dict[str, int]:
        self.flow.associate(self.claim)
        return self.flow.close(self.claim).codes

    def wait(self) -> float:
        """Return how long the slice says it is to wait."""
        with pytest.raises(StepUnfinished) as unfinished:
            self.run()
        return unfinished.value.retry_after

    def exact(self, devices: Sequence[str]) -> bool:
        return all(len(self.rev.lines_of(iccid)) == 1 for iccid in devices)


def planned(flow: Flow, devices: Sequence[str], *, meets: Sequence[RevioError | None] = (), **set_to: Any) -> Slice:
    """Return the only slice of a change over the devices, whose calls meet the errors in that order."""
    flow.clock = Ticking()
    flow.settings = settings(max_mapped_tasks=1, min_slice_devices=1000).model_copy(update=set_to)
    claim = flow.open(flow.create(request(devices)).change_id)
    flow.check(claim)
    budget = RateLimiter(flow.portal, ACCOUNT, Limits(6000), flow.clock, claim.bulk_change_id, patience=0.0)
    budget.open()
    rev: Any = Metered(budget=budget, meets=list(meets))
    flow.rev = rev
    (number,) = plan.plan_rev_services(flow.portal, claim, lambda _: rev, flow.settings, clock=flow.clock)
    context = replace(flow.context(claim), budgets=lambda _: budget)
    return Slice(flow, claim, number, context, rev, budget)


def stored(flow: Flow) -> dict[str, Any]:
    return flow.all("device_association", "call_budget")[0]


def test_each_call_takes_one_slot_of_the_account(flow: Flow) -> None:
    one = planned(flow, PLAIN[:30])
    assert one.run() == {"created": 30}
    assert stored(flow)["callstoday"] == 30
    assert one.exact(PLAIN[:30])


def test_a_paused_account_is_waited_for_without_a_call_and_without_a_slot(flow: Flow) -> None:
    one = planned(flow, PLAIN[:5])
    one.budget.pause(3600, "turned away")
    assert one.wait() == pytest.approx(3600, abs=5)
    assert one.rev.posts == 0
    flow.clock.pass_seconds(3601)
    assert one.run() == {"created": 5}


def test_no_call_begins_while_its_account_is_paused_or_after_its_change_is_stopped(flow: Flow) -> None:
    claim = flow.open(flow.create(request(PLAIN[:2])).change_id)
    flow.check(claim)
    plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    budget = RateLimiter(flow.portal, ACCOUNT, Limits(6000), flow.clock)
    budget.open()
    budget.pause(30, "turned away")
    first, second = (one["id"] for one in flow.all("device_association", "line_intent"))
    assert begin_calls(flow.context(claim), ACCOUNT, {first: None}) == set()
    flow.clock.pass_seconds(31)
    assert begin_calls(flow.context(claim), ACCOUNT, {first: None}) == {first}
    flow.stop(claim, "CANCELED_BY_USER", "not now")
    assert begin_calls(flow.context(claim), ACCOUNT, {second: None}) == set()


def test_a_cancel_is_seen_at_once_while_the_account_is_paused(flow: Flow) -> None:
    one = planned(flow, PLAIN[:5], rev_retry_window_seconds=60.0)
    one.budget.pause(3600, "turned away")
    assert one.wait() > 3000, "and it does not keep its slot for a minute to find out"
    flow.stop(one.claim, "CANCELED_BY_USER", "not now")
    assert one.run() == {"stopped": 5}
    assert one.rev.posts == 0
    assert one.end() == {"CANCELED_BY_USER": 5}


def test_a_cancelled_change_does_not_wait_for_a_paused_account_with_calls_in_doubt(flow: Flow) -> None:
    one = planned(flow, PLAIN[:3])
    assert not stops.waits_in_vain(flow.portal, one.claim, flow.clock())
    one.budget.pause(3600, "turned away")
    assert not stops.waits_in_vain(flow.portal, one.claim, flow.clock())
    flow.stop(one.claim, "CANCELED_BY_USER", "not now")
    assert stops.waits_in_vain(flow.portal, one.claim, flow.clock())
    flow.clock.pass_seconds(3601)
    assert not stops.waits_in_vain(flow.portal, one.claim, flow.clock())


def test_an_absurd_wait_holds_a_slice_back_for_a_quarter_of_an_hour_at_most(flow: Flow) -> None:
    away = RevioRetryable("429", status=429, retry_after=1_764_400_000)
    one = planned(flow, PLAIN[:5], meets=[away], rev_concurrency=1)
    assert one.wait() <= 901


def test_a_call_that_is_turned_away_holds_the_others_back_and_fails_no_device(flow: Flow) -> None:
    away = RevioRetryable("429", status=429, retry_after=30)
    one = planned(flow, PLAIN[:40], meets=[None, None, away], rev_concurrency=2)
    assert 15 < one.wait() < 32
    assert one.rev.posts < 30
    assert {row["status"] for row in flow.all("dbo", "m2m_devicechange", bulkchangeid=one.claim.bulk_change_id)} == {
        "PROCESSING"
    }
    flow.clock.pass_seconds(32)
    assert one.run()["created"] >= 35
    assert one.exact(PLAIN[:40])


def test_refused_credentials_reach_no_more_than_the_calls_in_flight(flow: Flow) -> None:
    refused = [RevioUnauthorized("401", status=401)] * 40
    one = planned(flow, PLAIN[:40], meets=refused, rev_concurrency=4)
    assert one.run() == {"stopped": 40}
    assert one.rev.posts <= 4
    assert one.end() == {"REV_UNAUTHORIZED": 40}


def test_an_open_breaker_makes_nobody_s_outcome_unknown_and_one_probe_closes_it(flow: Flow) -> None:
    silent = [RevioOutcomeUnknown("time-out")] * 40
    one = planned(flow, PLAIN[:40], meets=silent, rev_concurrency=2)
    one.wait()
    unknown = [row for row in flow.all("device_association", "line_intent") if row["state"] == "UNKNOWN"]
    assert MAX_FAILURES <= len(unknown) <= MAX_FAILURES + 2
    one.wait()
    assert len([row for row in flow.all("device_association", "line_intent") if row["state"] == "UNKNOWN"]) == len(
        unknown
    )
    one.rev.meets.clear()
    flow.clock.pass_seconds(OPEN_SECONDS + flow.settings.rev_search_lag_seconds + 1)
    assert one.run() == {"created": 40}
    assert (one.rev.probes, one.exact(PLAIN[:40])) == (1, True)


def test_a_call_is_made_again_only_when_its_account_has_answered_for_the_settle_time(flow: Flow) -> None:
    """A vendor that stood still may act on old calls when it wakes up."""
    one = planned(flow, PLAIN[:1], meets=[RevioOutcomeUnknown("time-out")])
    one.wait()
    for _ in range(MAX_FAILURES):
        one.budget.count_failure()
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    one.budget.count_success()
    one.wait()
    assert one.rev.posts == 1, "its line stayed absent for the settle time, but the account answers only since now"
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    assert one.run() == {"created": 1}


def test_a_look_up_that_is_turned_away_is_tried_again_after_the_pause(flow: Flow) -> None:
    one = planned(flow, PLAIN[:1], meets=[RevioOutcomeUnknown("time-out")])
    one.wait()

    def turned_away(**_: Any) -> Any:
        raise RevioRetryable("the day's calls are used up", status=403, retry_after=7200.0)

    one.rev.lines = turned_away  # type: ignore[method-assign]
    assert one.wait() == 7200.0


def test_a_change_that_rev_io_refuses_too_often_is_stopped(flow: Flow) -> None:
    no = [RevioRejected("no such rate centre", status=400)] * 200
    one = planned(flow, PLAIN[:200], meets=no, rev_concurrency=4, abort_min_sample=20)
    counts = one.run()
    assert counts["rejected"] <= 20 + 4 + 10
    codes = one.end()
    assert codes == {"REV_REJECTED": counts["rejected"], "STOPPED": 200 - counts["rejected"]}
    (stop,) = flow.all("device_association", "change_stop")
    assert "Rev.io refused" in stop["reason"]


def test_a_change_s_own_abort_rule_counts_also_when_it_is_set_while_the_change_runs(flow: Flow) -> None:
    no = [RevioRejected("no such rate centre", status=400)] * 60
    one = planned(flow, PLAIN[:60], meets=no, rev_concurrency=1, abort_min_sample=20)
    stops.set_abort_rule(flow.portal, one.claim.bulk_change_id, percent=100, sample=1000)
    assert one.run() == {"rejected": 60}


def test_few_refusals_stop_nothing(flow: Flow) -> None:
    no = RevioRejected("no such rate centre", status=400)
    one = planned(flow, PLAIN[:60], meets=[no, None, None] * 20, rev_concurrency=2, abort_min_sample=20)
    assert one.run() == {"created": 40, "rejected": 20}


def test_what_the_deadline_leaves_is_said_to_have_had_no_time(flow: Flow) -> None:
    one = planned(flow, PLAIN[:3])
    one.budget.pause(10, "turned away")
    assert not one.context.is_late()
    flow.clock.pass_seconds(2 * 3600 + 60)
    assert one.context.is_late()
    one.budget.pause(10, "turned away")
    with pytest.raises(RevioRetryable):
        one.run(last_try=True)
    flow.associate(one.claim)
    closed = flow.close(one.claim, failed=["create_rev_service 0"])
    assert (closed.codes, one.rev.posts) == ({"DEADLINE_EXCEEDED": 3}, 0)


def test_the_deadline_stands_still_while_the_account_is_paused(flow: Flow) -> None:
    one = planned(flow, PLAIN[:3])
    one.budget.pause(5 * 3600, "quota")
    flow.clock.pass_seconds(6 * 3600)
    assert not one.context.is_late()
    flow.clock.pass_seconds(2 * 3600)
    assert one.context.is_late()


def test_a_worker_that_dies_with_calls_out_leaves_them_to_the_look_up_and_its_slots_come_back(flow: Flow) -> None:
    one = planned(flow, PLAIN[:10], meets=[None, KeyboardInterrupt()], rev_concurrency=1)  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        one.run()
    flow.clock.pass_seconds(flow.settings.rev_lease_seconds + 1)
    one.wait()
    flow.clock.pass_seconds(flow.settings.rev_search_lag_seconds + 1)
    assert one.run() == {"created": 1}
    assert one.exact(PLAIN[:10])


@dataclass
class Outlived(Metered):
    """A client whose first calls take too long: they create their lines, and their answers come when the test says so."""

    slow: int = 1
    late: list[tuple[Future[int], int]] = field(default_factory=list)

    def create_line(self, body: dict[str, Any]) -> int:
        created = super().create_line(body)
        with self.lock:
            if len(self.late) == self.slow:
                return created
            doubt = RevioOutcomeUnknown("Timeout: the whole call took longer than 40 s")
            doubt.late = Future()
            self.late.append((doubt.late, created))
        raise doubt


def outlived(flow: Flow, devices: Sequence[str], slow: int, **set_to: Any) -> tuple[Slice, Outlived]:
    one, rev = planned(flow, devices, **set_to), Outlived(slow=slow)
    client: Any = rev
    flow.rev, one.context = rev, replace(one.context, clients=lambda _: client)
    one.rev = rev
    return one, rev


def intents(flow: Flow) -> list[str]:
    return [row["state"] for row in flow.all("device_association", "line_intent")]


def test_late_answer_of_a_call_in_doubt_is_recorded_and_no_second_call_is_made(flow: Flow) -> None:
    one, rev = outlived(flow, PLAIN[:3], slow=1, rev_concurrency=2)
    one.wait()
    assert sorted(intents(flow)) == ["CREATED", "CREATED", "UNKNOWN"]
    ((late, created),) = rev.late
    late.set_result(created)
    assert intents(flow) == ["CREATED"] * 3
    assert one.run() == {"created": 1}, "the others were ready before"
    assert (rev.posts, one.exact(PLAIN[:3])) == (3, True)
    assert one.end() == {"PROCESSED": 3}


def test_late_answer_without_a_line_leaves_the_call_in_doubt(flow: Flow) -> None:
    one, rev = outlived(flow, PLAIN[:1], slow=1)
    one.wait()
    rev.late[0][0].set_exception(RevioRejected("no such rate centre", status=400))
    assert intents(flow) == ["UNKNOWN"]
    assert one.run() == {"created": 1}, "the line is found by its look-up"
    assert rev.posts == 1


def test_late_answer_after_the_line_was_found_changes_nothing(flow: Flow) -> None:
    one, rev = outlived(flow, PLAIN[:1], slow=1)
    one.wait()
    assert one.run() == {"created": 1}
    before = flow.all("device_association", "line_intent")
    ((late, created),) = rev.late
    late.set_result(created)
    assert flow.all("device_association", "line_intent") == before
    assert one.end() == {"PROCESSED": 1}


def test_calls_that_do_not_end_keep_their_places(flow: Flow) -> None:
    one, rev = outlived(flow, PLAIN[:10], slow=10, rev_concurrency=2)
    one.wait()
    assert 2 <= rev.posts <= 3
    for late, created in rev.late:
        late.set_result(created)
    rev.slow = 0
    rev.late.clear()
    assert one.run() == {"created": 10}
    assert (rev.posts, one.exact(PLAIN[:10])) == (10, True)


@pytest.mark.parametrize("begins", [b"X: ", b"Content-Length: 999\r\n\r\n"], ids=["headers", "body"])
def test_slice_ends_in_time_though_rev_io_sends_a_byte_at_a_time(flow: Flow, begins: bytes) -> None:
    with serving(drip(b"HTTP/1.1 201 x\r\n" + begins + b" " * 60, first=40, pause=0.2)) as server:
        real = RevioClient(server.account(), timeouts=Timeouts(connect=1, read=1, call=0.5))
        one = planned(flow, PLAIN[:1])
        one.rev.create_line = real.create_line  # type: ignore[method-assign]
        began = time.monotonic()
        one.wait()
        assert time.monotonic() - began < 10
        assert len(server.requests) == 1
    assert intents(flow) == ["UNKNOWN"]


def test_late_answer_of_a_real_server_is_recorded(flow: Flow) -> None:
    def wait(connection: socket.socket) -> bool:
        waited_for.wait(60)
        return say(answer(201, b'{"ok": true, "id": 11027}'))(connection)

    waited_for = threading.Event()
    with serving(wait) as server:
        real = RevioClient(server.account(), timeouts=Timeouts(connect=1, read=30, call=0.3))
        one = planned(flow, PLAIN[:1])
        one.rev.create_line = real.create_line  # type: ignore[method-assign]
        one.wait()
        assert intents(flow) == ["UNKNOWN"]
        waited_for.set()
        until(lambda: intents(flow) == ["CREATED"])
    assert one.run() == {"created": 1}
    assert len(server.requests) == 1


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("devices", "is_small"), [(20, True), (21, False)])
def test_a_change_of_up_to_twenty_lines_is_a_small_one(flow: Flow, devices: int, is_small: bool) -> None:
    claim = flow.open(flow.create(request(PLAIN[:devices])).change_id)
    flow.check(claim)
    plan.plan_rev_services(flow.portal, claim, lambda _: flow.rev, flow.settings, clock=flow.clock)
    context = open_context(flow.portal, claim, lambda _: flow.rev, flow.settings, flow.clock, lambda _: None)
    assert context.is_small is is_small

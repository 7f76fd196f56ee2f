"""The budget of calls: what the vendor's sliding minute allows is never exceeded, and everybody gets a grant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from device_association.database.execution import database_clock
from device_association.domain.errors import RevioOutcomeUnknown, RevioRejected, RevioRetryable, RevioUnauthorized
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import (
    MAX_FAILURES,
    MINUTE,
    OPEN_SECONDS,
    SMALL,
    TURN,
    Limits,
    Pace,
    Permit,
)
from tests.flow import NOW, Clock, read_table

ACCOUNT = "revio_northwind"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget_of(portal: Engine, clock: Clock) -> Callable[..., RateLimiter]:
    """Give a function that makes a change's view of the account's budget."""

    def make(change: int = 1, *, per_minute: int = 60, per_day: int = 1000) -> RateLimiter:
        budget = RateLimiter(portal, ACCOUNT, Limits(per_minute, per_day), clock, change, patience=0.0)
        budget.open()
        return budget

    return make


def spend(budget: RateLimiter, clock: Clock, calls: int, pace: Pace = Pace.EVEN) -> list[datetime]:
    """Return the moments of so many calls, each made at its own, with the clock moved on as a worker would wait."""
    made: list[datetime] = []
    while len(made) < calls:
        grant = budget.take(calls - len(made), pace)
        made += [slot.used_from for slot in grant.permits]
        clock.now = max(clock.now + timedelta(seconds=grant.wait), made[-1] if grant.permits else clock.now)
    return made


def most_in_a_minute(moments: Sequence[datetime]) -> int:
    """Return the most calls that any sliding minute saw."""
    ordered = sorted(moments)
    return max(sum(1 for other in ordered if first <= other < first + MINUTE) for first in ordered)


def test_a_big_change_goes_at_an_even_pace_from_its_first_call_on(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    made = spend(budget_of(), clock, 30)
    assert {later - earlier for earlier, later in pairwise(made)} == {timedelta(seconds=1)}


def test_no_sliding_minute_ever_sees_more_calls_than_the_account_may_make(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    big, small = budget_of(1, per_minute=20), budget_of(2, per_minute=20)
    made = spend(small, clock, 15, Pace.AT_ONCE) + spend(big, clock, 40) + spend(small, clock, 15, Pace.AT_ONCE)
    assert most_in_a_minute(made) <= 20


def test_a_small_change_takes_at_once_what_the_minute_has_left(
    budget_of: Callable[..., RateLimiter],
) -> None:
    grant = budget_of().take(SMALL, Pace.AT_ONCE)
    assert [slot.used_from for slot in grant.permits] == [NOW] * SMALL


def test_a_small_change_waits_no_longer_than_the_turns_of_those_before_it(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    big, small = budget_of(1), budget_of(2)
    spend(big, clock, 70)
    assert len(big.take(100, Pace.EVEN).permits) == TURN
    (slot,) = small.take(1, Pace.AT_ONCE).permits
    assert slot.used_from - clock.now <= timedelta(seconds=TURN + 2)


def test_changes_that_wait_take_equal_turns(budget_of: Callable[..., RateLimiter], clock: Clock) -> None:
    workers = [budget_of(1), budget_of(1), budget_of(1), budget_of(2)]
    given = {1: 0, 2: 0}
    for _ in range(60):
        for worker in workers:
            given[worker.bulk_change_id] += len(worker.take(TURN, Pace.EVEN).permits)
        clock.pass_seconds(TURN)
    assert given[1] == pytest.approx(given[2], rel=0.1)


def test_reconciliation_has_a_share_of_its_own_and_no_more_beside_others(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    last, big = budget_of(0), budget_of(1)
    assert len(last.take(1, Pace.LAST).permits) == 1
    spend(big, clock, 70)
    (slot,) = last.take(1, Pace.LAST).permits
    assert slot.used_from - clock.now < timedelta(seconds=TURN + 2)
    assert last.take(1, Pace.LAST).reason == "others go first"


@pytest.mark.parametrize(("per_minute", "pages"), [(60, 20), pytest.param(500, 100, marks=pytest.mark.slow)])
def test_reconciliation_finishes_beside_a_big_change_at_full_pace(
    budget_of: Callable[..., RateLimiter], clock: Clock, per_minute: int, pages: int
) -> None:
    last = budget_of(0, per_minute=per_minute, per_day=10**6)
    big = budget_of(1, per_minute=per_minute, per_day=10**6)
    made: list[datetime] = []
    listed: list[datetime] = []
    due = NOW
    while len(listed) < pages:
        grant = big.take(TURN, Pace.EVEN)
        made += [slot.used_from for slot in grant.permits]
        if clock.now >= due:
            asked = last.take(1, Pace.LAST)
            listed += [slot.used_from for slot in asked.permits]
            due = clock.now + timedelta(seconds=asked.wait)
        clock.now = max(clock.now + timedelta(seconds=grant.wait), grant.permits[0].used_from if grant.permits else NOW)
    minutes = (clock.now - NOW) / MINUTE
    assert pages / minutes >= max(2, per_minute // 50) * 0.7
    assert most_in_a_minute(listed) <= max(2, per_minute // 10)
    assert most_in_a_minute(made + listed) <= per_minute
    assert len(made) / minutes >= 0.95 * per_minute - max(2, per_minute // 50)


def test_reconciliation_alone_takes_a_tenth_of_the_minute_at_most(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    last, made = budget_of(0, per_minute=500), []
    for _ in range(1200):
        made += [slot.used_from for slot in last.take(5, Pace.LAST).permits]
        clock.pass_seconds(0.1)
    assert 45 <= most_in_a_minute(made) <= 50


def test_a_single_call_that_is_wanted_last_is_told_that_others_go_first(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    patient = budget_of(0)
    patient.pace, patient.patience = Pace.LAST, 1.0
    patient.wait_for_call()
    spend(budget_of(1), clock, 53, Pace.AT_ONCE)
    with pytest.raises(RevioRetryable, match="others go first"):
        patient.wait_for_call()


def test_what_a_killed_worker_took_comes_back_within_little_more_than_a_minute(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    killed, other = budget_of(1, per_minute=8), budget_of(2, per_minute=8)
    assert len(killed.take(8, Pace.AT_ONCE).permits) == 8
    clock.pass_seconds(61)
    assert [slot.used_from for slot in other.take(8, Pace.AT_ONCE).permits] == [clock.now] * 8


def test_calls_that_were_not_made_are_given_back_at_once(budget_of: Callable[..., RateLimiter], portal: Engine) -> None:
    first, other = budget_of(1, per_minute=8), budget_of(2, per_minute=8)
    taken = first.take(8, Pace.AT_ONCE).permits
    first.release(taken[2:])
    first.release(taken[2:])
    assert len([slot for slot in other.take(8, Pace.AT_ONCE).permits if slot.used_from == NOW]) == 6
    (budget,) = read_table(portal, "device_association", "call_budget")
    assert budget["callstoday"] == 10


def test_a_slot_that_was_used_again_meanwhile_is_not_given_back(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    budget = budget_of(1, per_minute=1)
    (mine,) = budget.take(1, Pace.AT_ONCE).permits
    clock.pass_seconds(61)
    (theirs,) = budget.take(1, Pace.AT_ONCE).permits
    budget.release([mine])
    (third,) = budget.take(1, Pace.AT_ONCE).permits
    assert third.used_from > theirs.used_from + MINUTE


def test_a_pause_that_one_worker_met_holds_for_all(budget_of: Callable[..., RateLimiter], clock: Clock) -> None:
    budget_of(1).after_call(RevioRetryable("429", status=429, retry_after=30))
    grant = budget_of(2).take(1, Pace.AT_ONCE)
    assert (grant.permits, grant.reason) == ((), "Rev.io turned a call away")
    assert grant.wait == pytest.approx(30.6)
    clock.pass_seconds(31)
    assert budget_of(2).take(1, Pace.AT_ONCE).permits


@pytest.mark.parametrize("told", [1_764_400_000.0, 3600.0, 901.0])
def test_an_absurd_wait_pauses_the_account_for_a_quarter_of_an_hour_and_then_one_call_asks(
    budget_of: Callable[..., RateLimiter], clock: Clock, told: float
) -> None:
    one, other = budget_of(1), budget_of(2)
    one.after_call(RevioRetryable("429", status=429, retry_after=told))
    assert other.take(1, Pace.AT_ONCE).wait == pytest.approx(900.6)
    clock.pass_seconds(901)
    grants = [budget.take(8, Pace.AT_ONCE) for budget in (one, other)]
    assert [(grant.probe, grant.permits) for grant in grants] == [(True, ()), (False, ())]
    one.after_call(None)
    assert len(other.take(8, Pace.AT_ONCE).permits) == 8


@pytest.mark.parametrize(
    "answer",
    [
        RevioRetryable("403", status=403, retry_after=1_764_400_000),
        RevioRetryable("429 call volume quota", status=429, is_quota=True),
    ],
)
def test_a_spent_quota_pauses_the_account_until_the_next_day_and_then_one_call_asks(
    budget_of: Callable[..., RateLimiter], clock: Clock, answer: RevioRetryable
) -> None:
    one, other = budget_of(1), budget_of(2)
    one.after_call(answer)
    grant = other.take(1, Pace.AT_ONCE)
    assert grant.wait == pytest.approx(12 * 3600 + 0.6)
    assert grant.permits == ()
    assert "used up" in grant.reason
    clock.now = NOW + timedelta(hours=12, seconds=1)
    assert [budget.take(8, Pace.EVEN).probe for budget in (one, other)] == [True, False]
    one.after_call(answer)
    assert other.take(1, Pace.AT_ONCE).wait == pytest.approx(24 * 3600, abs=2)


def test_a_quota_that_is_back_sooner_is_waited_for_no_longer(budget_of: Callable[..., RateLimiter]) -> None:
    budget_of(1).after_call(RevioRetryable("403", status=403, retry_after=3600))
    assert budget_of(2).take(1, Pace.AT_ONCE).wait == pytest.approx(3600.6)


def test_a_shorter_pause_never_cuts_a_longer_one_and_time_counts_once(
    budget_of: Callable[..., RateLimiter], portal: Engine
) -> None:
    for seconds in (30, 10, 40):
        budget_of().pause(seconds, "turned away")
    (budget,) = read_table(portal, "device_association", "call_budget")
    assert (budget["pauseduntil"], budget["pausedseconds"]) == (NOW + timedelta(seconds=40), 40)


def test_the_day_s_quota_makes_all_wait_until_the_next_day(budget_of: Callable[..., RateLimiter], clock: Clock) -> None:
    budget = budget_of(1, per_day=5)
    assert len(budget.take(8, Pace.AT_ONCE).permits) == 5
    grant = budget.take(1, Pace.AT_ONCE)
    midnight = (NOW + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (grant.permits, grant.reason) == ((), "the account's 5 calls of today are used up")
    assert grant.wait == pytest.approx((midnight - NOW).total_seconds())
    clock.now = midnight
    assert len(budget.take(5, Pace.AT_ONCE).permits) == 5


def test_the_day_s_quota_is_the_reason_also_while_the_vendor_does_not_answer(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    budget = budget_of(1, per_day=MAX_FAILURES)
    budget.take(MAX_FAILURES, Pace.AT_ONCE)
    for _ in range(MAX_FAILURES):
        budget.count_failure()
    clock.now = NOW + timedelta(seconds=OPEN_SECONDS + 1)
    grant = budget.take(1, Pace.AT_ONCE)
    assert (grant.probe, grant.reason) == (False, budget.limits.used_up)


def test_a_run_of_calls_without_an_answer_opens_the_breaker_and_one_probe_closes_it(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    one, other = budget_of(1), budget_of(2)
    for _ in range(MAX_FAILURES):
        one.after_call(RevioOutcomeUnknown("time-out"))
    assert other.take(1, Pace.AT_ONCE).reason == "Rev.io does not answer"
    clock.pass_seconds(OPEN_SECONDS + 1)
    grants = [budget.take(1, Pace.AT_ONCE) for budget in (one, other)]
    assert [grant.probe for grant in grants] == [True, False]
    assert grants[1].wait > 0
    one.after_call(None)
    assert other.take(1, Pace.AT_ONCE).permits


def test_a_probe_that_fails_or_dies_is_followed_by_another_after_a_while(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    budget = budget_of()
    for _ in range(MAX_FAILURES):
        budget.after_call(RevioRetryable("connection refused"))
    for _ in range(3):
        clock.pass_seconds(OPEN_SECONDS + 1)
        assert budget.take(1, Pace.EVEN).probe


@pytest.mark.parametrize("answer", [None, RevioRejected("400", status=400), RevioUnauthorized("401", status=401)])
def test_an_answer_of_a_vendor_that_is_well_ends_a_run_of_failures(
    budget_of: Callable[..., RateLimiter], answer: RevioRejected | None, portal: Engine
) -> None:
    budget = budget_of()
    for _ in range(MAX_FAILURES - 1):
        budget.after_call(RevioOutcomeUnknown("503", status=503))
    budget.after_call(answer)
    (stored,) = read_table(portal, "device_association", "call_budget")
    assert stored["failuresinrow"] == 0


def test_a_single_call_that_waits_too_long_says_so_and_keeps_no_slot(
    budget_of: Callable[..., RateLimiter], clock: Clock
) -> None:
    budget = budget_of(1, per_minute=1)
    budget.take(1, Pace.AT_ONCE)
    with pytest.raises(RevioRetryable, match=r"no call to Rev\.io for 61 s: others go first") as refused:
        budget.wait_for_call()
    assert refused.value.retry_after == pytest.approx(60.6)
    clock.pass_seconds(61)
    assert budget.take(1, Pace.AT_ONCE).permits


def test_a_limit_that_changes_holds_from_the_next_opening_on(budget_of: Callable[..., RateLimiter]) -> None:
    budget_of(1, per_minute=4)
    assert len(budget_of(1, per_minute=12).take(12, Pace.AT_ONCE).permits) == 12
    permits = budget_of(2, per_minute=2).take(12, Pace.AT_ONCE).permits
    assert len(permits) == 2
    assert all(slot.used_from > NOW for slot in permits)


def test_workers_that_ask_at_once_never_get_the_same_call(portal: Engine) -> None:
    clock = database_clock(portal)

    def work(change: int) -> list[Permit]:
        budget = RateLimiter(portal, ACCOUNT, Limits(40), clock, change)
        budget.open()
        return [slot for _ in range(5) for slot in budget.take(2, Pace.AT_ONCE).permits]

    with ThreadPoolExecutor(8) as workers:
        given = [slot for part in workers.map(work, range(8)) for slot in part]
    assert len(given) == 80
    assert len({(slot.number, slot.used_from) for slot in given}) == 80
    assert most_in_a_minute([slot.used_from for slot in given]) <= 40


def test_the_database_s_clock_is_told_in_milliseconds_and_goes_on(portal: Engine) -> None:
    clock = database_clock(portal)
    earlier, later = clock(), clock()
    assert earlier <= later
    assert earlier.microsecond % 1000 == 0

"""Which errors Airflow tries again, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from device_association.domain import errors
from device_association.rate_limiting.policy import LONGEST_PAUSE
from device_association_airflow.retry_policy import AssociationRetryPolicy
from device_association_airflow.tasks import association


def decide(error: BaseException) -> tuple[RetryAction, timedelta | None]:
    decision = AssociationRetryPolicy().evaluate(error, 1, 5)
    return decision.action, decision.retry_delay


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRefused([]),
        errors.ChangeNotRunnable("ended"),
        errors.DataCheckFailed("two lines"),
        errors.ConfigurationError("no connection"),
        errors.IntervalInFuture("next year"),
        errors.RevioUnauthorized("401", status=401),
    ],
)
def test_what_only_a_person_can_mend_fails_at_once(error: Exception) -> None:
    assert decide(error)[0] is RetryAction.FAIL


def test_an_unfinished_step_comes_back_when_it_may_be_known() -> None:
    assert decide(errors.StepUnfinished("two wait", retry_after=30)) == (RetryAction.RETRY, timedelta(seconds=30))


@pytest.mark.parametrize(
    "error",
    [
        errors.StepUnfinished("paused", retry_after=43_200),
        errors.RevioRetryable("429", status=429, retry_after=1_764_400_000),
    ],
)
def test_a_step_that_waits_long_comes_back_within_a_minute_for_it_may_be_cancelled(error: Exception) -> None:
    assert decide(error) == (RetryAction.RETRY, timedelta(seconds=45))


@pytest.mark.parametrize("error", [errors.DatabaseUnavailable("down"), errors.RevioRetryable("429"), OSError("disk")])
def test_everything_else_is_airflow_s_to_decide(error: Exception) -> None:
    assert decide(error)[0] is RetryAction.DEFAULT


def test_the_plan_outlasts_the_longest_pause_and_a_spent_quota() -> None:
    options = association.plan_rev_services.kwargs
    turned_away = errors.RevioRetryable("no call", retry_after=LONGEST_PAUSE)
    decisions = [options["retry_policy"].evaluate(turned_away, number, options["retries"]) for number in range(2000)]
    assert {one.action for one in decisions} == {RetryAction.RETRY}
    assert sum(one.retry_delay.total_seconds() for one in decisions) > 24 * 3600
    assert options["retries"] > len(decisions)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (KeyError("a mistake of ours"), RetryAction.FAIL),
        (errors.RevioRejected("400", status=400), RetryAction.FAIL),
        (errors.DatabaseUnavailable("down"), RetryAction.DEFAULT),
        (errors.RevioRetryable("429"), RetryAction.DEFAULT),
    ],
)
def test_the_plan_gives_up_after_some_tries_what_no_waiting_ends(error: Exception, action: RetryAction) -> None:
    options = association.plan_rev_services.kwargs
    first, later = (options["retry_policy"].evaluate(error, number, options["retries"]) for number in (10, 11))
    assert (first.action, later.action) == (RetryAction.DEFAULT, action)

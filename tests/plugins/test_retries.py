"""Which errors Airflow tries again, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from device_association import errors
from device_association_airflow.retries import AssociationRetryPolicy


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


@pytest.mark.parametrize("error", [errors.DatabaseUnavailable("down"), errors.RevioRetryable("429"), OSError("disk")])
def test_everything_else_is_airflow_s_to_decide(error: Exception) -> None:
    assert decide(error)[0] is RetryAction.DEFAULT

"""Decides from our error tree whether Airflow tries a task again, and when."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Context
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from device_association.errors import (
    ChangeNotRunnable,
    ConfigurationError,
    DataCheckFailed,
    IntervalInFuture,
    RequestRefused,
    RevioRetryable,
    RevioUnauthorized,
    StepUnfinished,
)

FINAL = (
    RequestRefused,
    ChangeNotRunnable,
    DataCheckFailed,
    ConfigurationError,
    IntervalInFuture,
    RevioUnauthorized,
)
"""Errors that come again until a person has done something."""


class AssociationRetryPolicy(RetryPolicy):
    """Fails at once what only a person can mend; tries an unfinished step again when it may have become known."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return the decision for one failure."""
        if isinstance(exception, FINAL):
            return RetryDecision.fail(str(exception)[:500])
        if isinstance(exception, StepUnfinished):
            return RetryDecision.retry(timedelta(seconds=exception.retry_after), str(exception)[:500])
        if isinstance(exception, RevioRetryable) and exception.retry_after is not None:
            return RetryDecision.retry(timedelta(seconds=exception.retry_after), str(exception)[:500])
        return RetryDecision.default()

"""Decides from our error tree whether Airflow tries a task again, and when."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Context
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from device_association.domain.errors import (
    ChangeNotRunnable,
    ConfigurationError,
    DatabaseUnavailable,
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
WAITS = (DatabaseUnavailable, RevioRetryable, StepUnfinished)
"""Errors that end by themselves."""

LONGEST_WAIT = 45.0
"""Longest that a step waits for its next try, in seconds: a cancel is seen within a minute, however long a pause is."""


class AssociationRetryPolicy(RetryPolicy):
    """Fails at once what only a person can mend; tries an unfinished step again when it may have become known.

    `most_failures` is for steps that wait for long: after so many tries every other error fails them for good.
    """

    def __init__(self, most_failures: int | None = None) -> None:
        self._most_failures = most_failures

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return the decision for one failure."""
        if isinstance(exception, FINAL):
            return RetryDecision.fail(str(exception)[:500])
        if isinstance(exception, StepUnfinished | RevioRetryable) and exception.retry_after is not None:
            wait = min(exception.retry_after, LONGEST_WAIT)
            return RetryDecision.retry(timedelta(seconds=wait), str(exception)[:500])
        if self._most_failures is not None and try_number > self._most_failures and not isinstance(exception, WAITS):
            return RetryDecision.fail(str(exception)[:500])
        return RetryDecision.default()

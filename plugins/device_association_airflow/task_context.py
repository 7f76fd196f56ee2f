"""What every task of a change shares: the claim of its run, and errors said so that a person can act on them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from device_association.bulk_changes import claims
from device_association.domain.errors import AssociationError, ClaimLost
from device_association_airflow import connections

Work = dict[str, int]
"""What `open_bulk_change` gives the later tasks: `bulk_change_id` and `retry_number`."""
OPENING = "open_bulk_change"
Given = ParamSpec("Given")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


def log_domain_errors(body: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make the error a person can act on the task's first log line; a task whose run lost the change ends as skipped."""

    @wraps(body)
    def spoken(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return body(*args, **kwargs)
        except ClaimLost as lost:
            log.warning("%s", lost)
            raise AirflowSkipException(str(lost)) from None
        except AssociationError as problem:
            log.error("%s: %s", type(problem).__name__, problem)
            raise

    return spoken


def opened() -> Work | None:
    """Return the change and retry that this run opened; None when it opened none.

    Pulled by name rather than passed from task to task: in the graph every task would hang on the first one.
    """
    work: Work | None = get_current_context()["ti"].xcom_pull(task_ids=OPENING)
    return work


def current_claim() -> claims.Claim:
    """Return the claim that this run took when it opened its change; skip the task when nothing was opened."""
    work = opened()
    if work is None:
        raise AirflowSkipException("no bulk change was opened")
    run_id = get_current_context()["dag_run"].run_id
    return claims.find_claim(connections.portal(), work["bulk_change_id"], work["retry_number"], run_id)

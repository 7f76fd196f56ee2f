"""The options that tasks share: when they are tried again, how long they may run, and the pool of those that call Rev.io."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from device_association_airflow.retry_policy import AssociationRetryPolicy

POLICY: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": AssociationRetryPolicy(),
    "execution_timeout": timedelta(hours=2),
}
"""Retries and the time-out of a task that has no reason for others."""
MOST_TRIES = 10_000
"""Steps that call Rev.io are tried again until their change's deadline: waiting for a quota, a pause or a settled outcome is
not a failure."""
MOST_FAILURES = 10
"""So often the plan is tried again when something else fails."""
POOL = "rev_services"
"""The pool of the tasks that call Rev.io."""

"""The options that DAGs and tasks share: owner and callback, retries, time-outs, and the pool of the calls to Rev.io."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from device_association_airflow.alert_notifiers import alert_failure
from device_association_airflow.retry_policy import AssociationRetryPolicy

DAG_DEFAULTS: dict[str, Any] = {
    "catchup": False,
    "default_args": {"owner": "data-ops"},
    "on_failure_callback": alert_failure,
    "tags": ["device association"],
}
"""What every DAG has; a schedule, its limits and its manual are its own."""
POLICY: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": AssociationRetryPolicy(),
    "execution_timeout": timedelta(hours=2),
}
"""Retries and the time-out of a task that has no reason for others."""
MAX_TRIES = 10_000
"""Steps that call Rev.io are tried again until their change's deadline: waiting for a quota, a pause or a settled outcome is
not a failure."""
MAX_FAILURES = 10
"""So often the plan is tried again when something else fails."""
POOL = "rev_services"
"""The pool of the tasks that call Rev.io."""

"""The task of `apply_scheduled_rate_plans`."""

from __future__ import annotations

import logging

from airflow.sdk import get_current_context, task

from device_association.associations import rate_plans
from device_association_airflow import connections
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.task_context import log_domain_errors

log = logging.getLogger(__name__)


@task(**POLICY)
@log_domain_errors
def apply_due_plans() -> dict[str, int]:
    """Set or refuse every plan whose date has come by the end of the run's interval; the result counts the outcomes."""
    context = get_current_context()
    outcomes = rate_plans.apply_due_plans(
        connections.portal(),
        rate_plans.Interval(context.get("data_interval_start"), context.get("data_interval_end")),
        clock=connections.clock,
    )
    log.info("%s", outcomes)
    return outcomes

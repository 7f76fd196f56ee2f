"""The tasks of `reconcile_associations`; between them travel the ids of Rev.io accounts only."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from device_association.reconciliation.accounts import Interval, past_interval
from device_association.reconciliation.accounts import reconcile_account as reconcile
from device_association.reconciliation.changes import repair_changes
from device_association.service_lines.lookups import snapshot
from device_association_airflow import connections
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.task_context import log_domain_errors

PATIENT: dict[str, Any] = POLICY | {"retries": 20, "retry_delay": timedelta(minutes=1)}
log = logging.getLogger(__name__)


@task(**PATIENT)
@log_domain_errors
def list_accounts() -> list[int]:
    """Return the Rev.io accounts that have customers; refuse an interval that is no past."""
    interval = interval_of(get_current_context()["dag_run"], connections.clock())
    found = snapshot.list_accounts(connections.portal())
    log.info("%s accounts, from %s to %s", len(found), interval.since, interval.until)
    return [one.account_id for one in found]


@task(
    **PATIENT | {"execution_timeout": timedelta(hours=6)}, map_index_template="{{ account }}", max_active_tis_per_dag=1
)
@log_domain_errors
def reconcile_account(account_id: int) -> dict[str, dict[str, int]]:
    """Compare portal, mirror and Rev.io for one account; its failure is no other account's."""
    context, portal = get_current_context(), connections.portal()
    (account,) = [one for one in snapshot.list_accounts(portal) if one.account_id == account_id]
    context["account"] = account.name  # type: ignore[typeddict-unknown-key]
    interval = interval_of(context["dag_run"], connections.clock())
    client = connections.patient_client(account.connection_id)
    done = reconcile(portal, account, interval, client.lines, clock=connections.clock)
    log.info("%s: %s", account.name, done)
    return done


@task(**PATIENT, max_active_tis_per_dag=1)
@log_domain_errors
def reconcile_changes() -> dict[str, int]:
    """Bring ended changes in line with their rows; no Rev.io is needed for that."""
    interval = interval_of(get_current_context()["dag_run"], connections.clock())
    done = repair_changes(connections.portal(), interval, clock=connections.clock)
    log.info("%s", done)
    return done


def interval_of(dag_run: Any, now: datetime) -> Interval:
    """Return the run's data interval; that of a run which was triggered without a date is the last whole day."""
    until = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = dag_run.data_interval_start or until - timedelta(days=1)
    return past_interval(since, dag_run.data_interval_end or until, now=now)

"""The tasks of `tidy_working_tables`."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import task

from device_association.maintenance import retention
from device_association_airflow import connections
from device_association_airflow.association_tasks import POLICY
from device_association_airflow.claim_errors import speaks_plainly


@task(**POLICY)
@speaks_plainly
def tidy_tables() -> dict[str, int]:
    """Delete what nobody needs any more of our working tables; the result counts the rows."""
    settings = connections.settings()
    return retention.purge_expired_rows(
        connections.portal(),
        keep=timedelta(days=settings.keep_days),
        now=connections.clock(),
    )


@task(**POLICY)
@speaks_plainly
def tidy_reports() -> int:
    """Delete the reports of the data checks of changes that ended long ago; the result counts the changes."""
    settings = connections.settings()
    keep = timedelta(days=settings.keep_days)
    return retention.purge_expired_reports(settings.data_docs_dir, keep=keep, now=connections.clock())

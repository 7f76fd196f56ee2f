"""
# Tidy working tables

Deletes once a day, at 03:30 UTC, what nobody needs any more of our own working tables and of the reports of the data checks,
once it is older than `DEVICE_ASSOCIATION_RETENTION_DAYS` (400).

**What goes.** Of changes that ended before that, or that the portal has deleted: the lines that Rev.io listed, slices, steps,
and what was sent. Findings that were closed, dead letters that were decided, alarms that were over before that. Request keys
older than 24 hours. The report folders of changes whose last report is older.

**What never goes.** Anything of an open change; what is owed; open findings; dead letters that are still in their queue; what
says whose a line is; what a retry of an old change reads. The portal's own tables are only read.

**Run it yourself** with *Trigger* after lowering the setting. The results count rows and report folders. At most
`DEVICE_ASSOCIATION_ROWS_PER_STATEMENT` rows go in one transaction: others wait for none of it.

**When it is red.** The first log line says what to do: the portal's database, or the folder of the reports. Clear the task,
or wait for tomorrow: nothing is half done. Airflow's own tables are not touched: see `docs/runbook-housekeeping.md`.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks.maintenance import tidy_reports, tidy_tables


@dag(
    **DAG_DEFAULTS,
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    doc_md=__doc__,
    dag_display_name="Tidy working tables",
)
def tidy_working_tables() -> None:
    """Delete what nobody needs any more."""
    tidy_tables()
    tidy_reports()


tidy_working_tables()

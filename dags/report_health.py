"""
# Report health

Every five minutes: sends how things stand as metrics, to where Airflow's own go, and tells a person what is not well.

**`report_figures`** sends gauges `device_association.*` over StatsD or OpenTelemetry, as Airflow is configured: changes by
state, devices of the last hour by code, calls by state and age, what is owed, budgets, findings, plans, dead letters, the
queue's depth. `deploy/grafana_dashboard.json` shows them.

**`send_alerts`** tells through the connection that `DEVICE_ASSOCIATION_ALARM_CONNECTION` names (a webhook, mail, SNS): once
when an alarm begins, once a day while it lasts, once when it is over. With no connection its log has it all the same, line
by line as `python -m device_association health` prints it. Each alarm names its page in `docs/runbooks`. A DAG
that is paused and should not be, and a pool that gives no slots, are alarms too. Failed runs of every DAG, and runs of
*Associate devices with a customer* that take too long, are told at once, about one DAG at most once an hour.

**Run it yourself** with *Trigger* to see at once whether an alarm is over. Nothing but the alarms is changed.

**When it is red.** The first log line names what cannot be used: the portal's database, the connection `bulk_change_queue`,
or the connection for alarms. What could not be told is told by the next run.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks.health import report_figures, send_alerts


@dag(
    **DAG_DEFAULTS,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    doc_md=__doc__,
    dag_display_name="Report health",
)
def report_health() -> None:
    """Send the metrics and tell the alarms."""
    report_figures()
    send_alerts()


report_health()

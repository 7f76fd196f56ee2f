"""
# Reconcile associations

Compares, once a day and account, the portal's devices and their links, the billing mirror, and what Rev.io itself lists.
It repairs what only records facts: mirror rows, end dates, links, final states and counts. It never touches what costs
or frees money: two lines for a SIM, a line without a device, of another customer, of an archived device. These it
reports, with what to do, under *Findings* in the portal and in its CSV file.

**It is paused at first:** its first run brings every line that the mirror lacks into it. Turn it on when that is wanted;
a backfill, too, starts only then.

**What a run looks at.** Its data interval is a UTC day. The run of the last whole day compares everything; a run of an
earlier day only what was created or changed on that day. Every run also looks again at what is reported: what is gone
is closed. SIMs that somebody is at work on are left alone until that is over.

**Backfill** any past range, in any order, as often as you like: *Trigger*, *Run Backfill*, or
`airflow backfill create --dag-id reconcile_associations --from-date 2026-10-01 --to-date 2026-10-30`, with
`--reprocess-behavior completed` for days that were run before. A second run changes nothing. Rev.io lists an account
once a day, whatever the number of runs, with a fiftieth of the account's minute, or a tenth while changes leave that
free. A day that has not ended is refused.

**When it is red.** One account's credentials were refused, or its user sees only some customers: the log names the
connection; the other accounts were compared. Correct the connection, then clear the task. Nothing waits for it.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronDataIntervalTimetable, chain, dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks import reconciliation as tasks


@dag(
    **DAG_DEFAULTS,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),  # no day before it can be backfilled
    max_active_runs=1,
    is_paused_upon_creation=True,
    dagrun_timeout=timedelta(hours=12),
    doc_md=__doc__,
    dag_display_name="Reconcile associations",
)
def reconcile_associations() -> None:
    """Compare portal, mirror and Rev.io; repair what is safe, report the rest."""
    accounts = tasks.list_accounts()
    chain(accounts, tasks.reconcile_account.expand(account_id=accounts))
    chain(accounts, tasks.reconcile_changes())


reconcile_associations()

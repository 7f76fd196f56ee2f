"""How things stand, in figures: read by set-based statements, the same for the health command, the alarms and the metrics.

The names of METRICS are those of the metrics `device_association.<name>`; each account adds its own under ACCOUNT_METRICS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from device_association.associations.rate_plans import DuePlans, count_due
from device_association.bulk_changes.overdue import list_overdue
from device_association.database.execution import changed, in_transaction, only_row, rows, run
from device_association.domain.codes import NOT_ENDED, DeviceChangeStatus, DeviceCode
from device_association.rate_limiting.policy import MAX_FAILURES

WAITING_AFTER = timedelta(minutes=30)
"""How long a change may wait for a run before it counts as in nobody's hands."""
QUIET_AFTER = timedelta(minutes=4)
"""How long a change in work may write nothing before its run is looked at; less than the time between two reports."""
RECENT = timedelta(hours=1)
"""The time for which ended devices and bad runs are counted."""
INTENT_STATES = ("PLANNED", "CALLING", "UNKNOWN")
OUTBOX_KINDS = ("MESSAGE", "NOTIFICATION")
SWEEP, LISTENER, REPORT = "sweep", "listener", "report"
JOBS = (SWEEP, LISTENER, REPORT)
DEVICE_STATES = (DeviceChangeStatus.PROCESSED, *DeviceCode)


@dataclass(frozen=True, slots=True)
class CountAndAge:
    """How many there are, and how many seconds ago the oldest began; None where there is none."""

    total: int = 0
    age: float | None = None


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many there are in a state or of a kind, and since when the oldest."""

    state: str
    total: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class TotalCount:
    """How many there are, and since when the oldest; None where there is none."""

    total: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How many devices ended with a code, or in a state without one."""

    code: str
    total: int


@dataclass(frozen=True, slots=True)
class AccountBudget:
    """The budget of a Rev.io account as `monitoring/list_accounts` returns it; times are UTC."""

    connection_id: str
    calls_per_minute: int
    time_zone: str
    paused_until: datetime
    pause_reason: str
    calls_today: int
    failures_in_row: int
    calls_last_minute: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a job of ours was last seen at work."""

    job: str
    seen: datetime


@dataclass(frozen=True, slots=True)
class BadRun:
    """A DAG with a run that failed or was late, or what stands still in Airflow; `alarm` says which."""

    alarm: str
    dag_id: str


@dataclass(frozen=True, slots=True)
class QuietChange:
    """A change in work of which nothing was written for a while, and the run that holds it."""

    bulk_change_id: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Account:
    """How a Rev.io account's budget stands."""

    connection_id: str
    calls_per_minute: int
    calls_last_minute: int
    calls_today: int
    paused_seconds: float
    pause_reason: str
    is_broken: bool
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand; counts by state or kind, jobs by name with the seconds since each was seen."""

    changes: Mapping[str, CountAndAge] = field(default_factory=dict)
    waiting: CountAndAge = CountAndAge()
    late: int = 0
    devices: Mapping[str, CountAndAge] = field(default_factory=dict)
    intents: Mapping[str, CountAndAge] = field(default_factory=dict)
    outbox: Mapping[str, CountAndAge] = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    findings: Mapping[str, CountAndAge] = field(default_factory=dict)
    plans: CountAndAge = CountAndAge()
    dead_letters: Mapping[str, CountAndAge] = field(default_factory=dict)
    jobs: Mapping[str, float] = field(default_factory=dict)
    bad_runs: Sequence[BadRun] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Every figure by its metric's name; an account's name is a part of it. A job never seen has none."""
        return (
            _metrics_by_state("changes", self.changes, sorted(NOT_ENDED))
            | {"changes.waiting": self.waiting.total, "changes.late": self.late}
            | {f"devices.{code.lower()}": self.devices.get(code, CountAndAge()).total for code in DEVICE_STATES}
            | _metrics_by_state("intents", self.intents, INTENT_STATES)
            | _metrics_by_state("outbox", self.outbox, OUTBOX_KINDS)
            | {"findings.open": summed(self.findings.values()).total}
            | {"plans.due": self.plans.total, "plans.oldest_seconds": self.plans.age or 0}
            | _metrics_by_state("dead_letters", self.dead_letters, ("FOUND", "QUARANTINED"), aged=False)
            | {f"jobs.{name}_seconds": self.jobs[name] for name in JOBS if name in self.jobs}
            | {"runs.failed_or_late": len(self.bad_runs)}
            | {name: value for one in self.accounts for name, value in _of_account(one).items()}
        )


def read_figures(engine: Engine, *, now: datetime) -> Figures:
    """Return how things stand; reads only, in one transaction."""
    since, minute_ago = now - RECENT, now - timedelta(minutes=1)
    with engine.connect() as connection:
        accounts = rows(connection, AccountBudget, "monitoring/list_accounts", now=now, minute_ago=minute_ago)
        waiting = only_row(connection, TotalCount, "monitoring/count_waiting_changes", asked_before=now - WAITING_AFTER)
        return Figures(
            changes=_by_state(rows(connection, StateCount, "monitoring/count_open_changes"), now),
            waiting=_aged(waiting, now),
            late=sum(one.moved_deadline < since for one in list_overdue(connection, now)),
            devices={
                one.code: CountAndAge(one.total)
                for one in rows(connection, CodeCount, "monitoring/count_codes", ended_since=since)
            },
            intents=_by_state(rows(connection, StateCount, "monitoring/count_intents"), now),
            outbox=_by_state(rows(connection, StateCount, "monitoring/count_outbox"), now),
            accounts=[_account(one, now) for one in accounts],
            findings=_by_state(rows(connection, StateCount, "monitoring/count_findings"), now),
            plans=_aged(count_due(connection, now), now),
            dead_letters=_by_state(rows(connection, StateCount, "monitoring/count_dead_letters"), now),
            jobs={
                one.job: _seconds(now - one.seen) for one in rows(connection, Heartbeat, "monitoring/list_heartbeats")
            },
            bad_runs=rows(connection, BadRun, "monitoring/list_bad_runs", since=since),
        )


def list_quiet_changes(engine: Engine, *, now: datetime) -> list[QuietChange]:
    """Return the changes that a run has and of which nothing was written for a while though their account can be called."""
    with engine.connect() as connection:
        return rows(connection, QuietChange, "monitoring/list_quiet_changes", quiet_since=now - QUIET_AFTER)


def record_heartbeat(engine: Engine, job: str, *, now: datetime) -> None:
    """Record that one of our jobs is at work."""

    def record(connection: Connection) -> None:
        if changed(connection, "monitoring/record_heartbeat", job=job, now=now) == 0:
            run(connection, "monitoring/insert_heartbeat", job=job, now=now)

    in_transaction(engine, record)


def summed(counts: Iterable[CountAndAge]) -> CountAndAge:
    """Return the sum of counts, with the age of the oldest of all."""
    found = list(counts)
    return CountAndAge(
        sum(one.total for one in found), max((one.age for one in found if one.age is not None), default=None)
    )


def _metrics_by_state(
    name: str, counts: Mapping[str, CountAndAge], states: Sequence[str], *, aged: bool = True
) -> dict[str, float]:
    found: dict[str, float] = {f"{name}.{one.lower()}": counts.get(one, CountAndAge()).total for one in states}
    return found | ({f"{name}.oldest_seconds": summed(counts.values()).age or 0} if aged else {})


def _of_account(account: Account) -> dict[str, float]:
    values = (
        account.calls_last_minute,
        round(account.calls_last_minute / account.calls_per_minute, 3),
        account.calls_today,
        account.paused_seconds,
        int(account.is_broken),
    )
    return {f"account.{account.connection_id}.{name}": one for name, one in zip(ACCOUNT_METRICS, values, strict=True)}


def _account(found: AccountBudget, now: datetime) -> Account:
    return Account(
        connection_id=found.connection_id,
        calls_per_minute=found.calls_per_minute,
        calls_last_minute=found.calls_last_minute,
        calls_today=found.calls_today,
        paused_seconds=_seconds(found.paused_until - now),
        pause_reason=found.pause_reason,
        is_broken=found.failures_in_row >= MAX_FAILURES,
        time_zone=found.time_zone,
    )


def _by_state(found: Iterable[StateCount], now: datetime) -> dict[str, CountAndAge]:
    return {one.state: _aged(one, now) for one in found}


def _aged(found: StateCount | TotalCount | DuePlans, now: datetime) -> CountAndAge:
    return CountAndAge(found.total, None if found.oldest is None else _seconds(now - found.oldest))


def _seconds(time: timedelta) -> float:
    return max(0.0, round(time.total_seconds(), 3))


METRICS = tuple(Figures(jobs=dict.fromkeys(JOBS, 0.0)).metrics)
ACCOUNT_METRICS = ("calls_last_minute", "budget_used", "calls_today", "paused_seconds", "breaker_open")
QUEUE_METRICS = ("queue.messages", "queue.in_flight", "queue.dead_letters")
"""What only the queue itself knows; the task that reports adds it."""

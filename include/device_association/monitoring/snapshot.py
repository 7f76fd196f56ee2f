"""How things stand, in figures: read by set-based statements, the same for the health command, the alarms and the metrics.

The names of METRICS are those of the metrics `device_association.<name>`; each account adds its own under ACCOUNT_METRICS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.deadlines import deadline_of
from device_association.database.execution import Record, changed, in_transaction, record, records, run
from device_association.domain.codes import NOT_ENDED, DeviceCode, Row
from device_association.rate_limiting.policy import MAX_FAILURES

WAITING_AFTER = timedelta(minutes=30)
"""How long a change may wait for a run before it counts as in nobody's hands."""
QUIET_AFTER = timedelta(minutes=4)
"""How long a change in work may write nothing before its run is looked at; less than the time between two reports."""
RECENT = timedelta(hours=1)
"""The time for which ended devices and bad runs are counted."""
INTENT_STATES = ("PLANNED", "CALLING", "UNKNOWN")
OWED = ("MESSAGE", "NOTIFICATION")
SWEEP, LISTENER, REPORT = "sweep", "listener", "report"
JOBS = (SWEEP, LISTENER, REPORT)
DEVICE_STATES = (Row.PROCESSED, *DeviceCode)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, and how many seconds ago the oldest began; None where there is none."""

    total: int = 0
    age: float | None = None


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
    """How things stand; tallies by state or kind, jobs by name with the seconds since each was seen."""

    changes: Mapping[str, Tally] = field(default_factory=dict)
    waiting: Tally = Tally()
    late: int = 0
    devices: Mapping[str, Tally] = field(default_factory=dict)
    intents: Mapping[str, Tally] = field(default_factory=dict)
    outbox: Mapping[str, Tally] = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    findings: Mapping[str, Tally] = field(default_factory=dict)
    plans: Tally = Tally()
    dead_letters: Mapping[str, Tally] = field(default_factory=dict)
    jobs: Mapping[str, float] = field(default_factory=dict)
    bad_runs: Sequence[Record] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Every figure by its metric's name; an account's name is a part of it. A job never seen has none."""
        return (
            _by_state("changes", self.changes, sorted(NOT_ENDED))
            | {"changes.waiting": self.waiting.total, "changes.late": self.late}
            | {f"devices.{code.lower()}": self.devices.get(code, Tally()).total for code in DEVICE_STATES}
            | _by_state("intents", self.intents, INTENT_STATES)
            | _by_state("outbox", self.outbox, OWED)
            | {"findings.open": summed(self.findings.values()).total}
            | {"plans.due": self.plans.total, "plans.oldest_seconds": self.plans.age or 0}
            | _by_state("dead_letters", self.dead_letters, ("FOUND", "SET_ASIDE"), aged=False)
            | {f"jobs.{name}_seconds": self.jobs[name] for name in JOBS if name in self.jobs}
            | {"runs.failed_or_late": len(self.bad_runs)}
            | {name: value for one in self.accounts for name, value in _of_account(one).items()}
        )


def read_figures(engine: Engine, *, now: datetime) -> Figures:
    """Return how things stand; reads only, in one transaction."""
    with engine.connect() as connection:

        def tallies(name: str, **binds: object) -> dict[str, Tally]:
            return {one["state"]: _tally(one, now) for one in records(connection, f"monitoring/{name}", **binds)}

        def tally(name: str, **binds: object) -> Tally:
            return _tally(record(connection, f"monitoring/{name}", **binds) or {}, now)

        since, minute_ago = now - RECENT, now - timedelta(minutes=1)
        deadlines = records(connection, "maintenance/list_deadlines", now=now)
        accounts = records(connection, "monitoring/list_accounts", now=now, minute_ago=minute_ago)
        return Figures(
            changes=tallies("count_open_changes"),
            waiting=tally("count_waiting_changes", asked_before=now - WAITING_AFTER),
            late=sum(deadline_of(one["deadline"], one["paused_seconds"]) < since for one in deadlines),
            devices=tallies("count_codes", ended_since=since),
            intents=tallies("count_intents"),
            outbox=tallies("count_outbox"),
            accounts=[_account(one, now) for one in accounts],
            findings=tallies("count_findings"),
            plans=_tally(record(connection, "associations/count_due", due_by=now) or {}, now),
            dead_letters=tallies("count_dead_letters"),
            jobs={one["state"]: _seconds(now - one["seen"]) for one in records(connection, "monitoring/list_jobs")},
            bad_runs=records(connection, "monitoring/list_bad_runs", since=since),
        )


def list_quiet_changes(engine: Engine, *, now: datetime) -> list[Record]:
    """Return the changes that a run has and of which nothing was written for a while though their account can be called."""
    with engine.connect() as connection:
        return list(records(connection, "monitoring/list_quiet_changes", quiet_since=now - QUIET_AFTER))


def see_job(engine: Engine, name: str, *, now: datetime) -> None:
    """Note that one of our jobs is at work."""

    def see(connection: Connection) -> None:
        if changed(connection, "monitoring/see_job", job=name, now=now) == 0:
            run(connection, "monitoring/insert_job", job=name, now=now)

    in_transaction(engine, see)


def summed(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies, with the age of the oldest of all."""
    found = list(tallies)
    return Tally(sum(one.total for one in found), max((one.age for one in found if one.age is not None), default=None))


def _by_state(name: str, tallies: Mapping[str, Tally], states: Sequence[str], *, aged: bool = True) -> dict[str, float]:
    found: dict[str, float] = {f"{name}.{one.lower()}": tallies.get(one, Tally()).total for one in states}
    return found | ({f"{name}.oldest_seconds": summed(tallies.values()).age or 0} if aged else {})


def _of_account(account: Account) -> dict[str, float]:
    values = (
        account.calls_last_minute,
        round(account.calls_last_minute / account.calls_per_minute, 3),
        account.calls_today,
        account.paused_seconds,
        int(account.is_broken),
    )
    return {f"account.{account.connection_id}.{name}": one for name, one in zip(ACCOUNT_METRICS, values, strict=True)}


def _account(found: Record, now: datetime) -> Account:
    return Account(
        found["connection_id"],
        found["calls_per_minute"],
        found["calls_last_minute"],
        found["calls_today"],
        _seconds(found["paused_until"] - now),
        found["pause_reason"],
        found["failures_in_row"] >= MAX_FAILURES,
        found["time_zone"],
    )


def _tally(found: Record, now: datetime) -> Tally:
    oldest = found.get("oldest")
    return Tally(found.get("total", 0), None if oldest is None else _seconds(now - oldest))


def _seconds(time: timedelta) -> float:
    return max(0.0, round(time.total_seconds(), 3))


METRICS = tuple(Figures(jobs=dict.fromkeys(JOBS, 0.0)).metrics)
ACCOUNT_METRICS = ("calls_last_minute", "budget_used", "calls_today", "paused_seconds", "breaker_open")
QUEUE_METRICS = ("queue.messages", "queue.in_flight", "queue.dead_letters")
"""What only the queue itself knows; the task that reports adds it."""

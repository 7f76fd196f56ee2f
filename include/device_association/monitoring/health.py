"""Says in ten lines whether all is well: `python -m device_association health`.

It reads the URL of the portal's database from DEVICE_ASSOCIATION_PORTAL_URL.
Each line is OK or ALARM, the alarm's name, how things stand, and for an alarm the page of docs/runbooks that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from device_association.database.execution import database_clock, make_engine
from device_association.domain.errors import ConfigurationError, DatabaseUnavailable
from device_association.monitoring.snapshot import (
    JOBS,
    LISTENER,
    REPORT,
    WAITING_AFTER,
    CountAndAge,
    Figures,
    read_figures,
    summed,
)
from device_association.requests.approvals import SWEEP

WELL, NOT_WELL = 0, 1
RUNBOOKS = "docs/runbooks"
MINUTE, HOUR = 60.0, 3600.0
SILENT_AFTER = {SWEEP: 30 * MINUTE, LISTENER: 15 * MINUTE, REPORT: 15 * MINUTE}
UNSETTLED_AFTER = 1 * HOUR
UNSENT_AFTER = 10 * MINUTE
PAUSED_FOR = 5 * MINUTE
PLAN_AFTER = 2 * HOUR
SECONDS_TO_ANSWER = 5.0
"""How long the command waits for a database that does not answer: a person waits for the command."""
DATABASE_DOWN, RUN_FAILED, RUN_LATE, RUN_STOPPED = "database_down", "run_failed", "run_late", "run_stopped"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: an alarm, whether it is on, and how things stand."""

    name: str
    is_on: bool
    message: str

    def line(self, runbooks: str = RUNBOOKS) -> str:
        """Return the line for a person."""
        page = f"  -> {page_of(self.name, runbooks)}" if self.is_on else ""
        return f"{'ALARM' if self.is_on else 'OK':<5}  {self.name:<18}  {self.message}{page}"


def page_of(name: str, runbooks: str = RUNBOOKS) -> str:
    """Return where an alarm's runbook page is."""
    return f"{runbooks.rstrip('/')}/{name}.md"


def checks(figures: Figures) -> list[Check]:
    """Return every alarm, on or off."""
    return [Check(name, *check(figures)) for name, check in CHECKS.items()]


def _jobs(figures: Figures) -> tuple[bool, str]:
    silent = [name for name in JOBS if figures.jobs.get(name, float("inf")) > SILENT_AFTER[name]]
    return bool(silent), ", ".join(
        f"{name} seen {_age(figures.jobs[name])} ago" if name in figures.jobs else f"{name} never seen" for name in JOBS
    )


def _bad_runs(figures: Figures) -> tuple[bool, str]:
    bad, stopped = (
        ", ".join(sorted({one.dag_id for one in figures.bad_runs if (one.alarm == RUN_STOPPED) is is_stopped}))
        for is_stopped in (False, True)
    )
    said = f"runs failed or late in the last hour: {bad or 'none'}"
    return bool(bad or stopped), said + (f"; stopped: {stopped}" if stopped else "")


def _waiting(figures: Figures) -> tuple[bool, str]:
    open_changes = summed(figures.changes.values())
    said = f"{open_changes.total} open, {figures.waiting.total} without a run for over {_age(WAITING_AFTER.seconds)}"
    return figures.waiting.total > 0, said


def _late(figures: Figures) -> tuple[bool, str]:
    return figures.late > 0, f"{figures.late} changes open an hour past their deadline"


def _unsettled(figures: Figures) -> tuple[bool, str]:
    found = summed(figures.intents.values())
    unknown = figures.intents.get("UNKNOWN", CountAndAge())
    said = f"{found.total} calls open{_oldest(found.age)}, {unknown.total} of unknown outcome{_oldest(unknown.age)}"
    return (unknown.age or 0) > UNSETTLED_AFTER, said


def _unsent(figures: Figures) -> tuple[bool, str]:
    found = summed(figures.outbox.values())
    kinds = ", ".join(f"{one.total} {kind.lower()}s" for kind, one in sorted(figures.outbox.items()))
    return (found.age or 0) > UNSENT_AFTER, f"to be sent: {kinds or 'nothing'}{_oldest(found.age)}"


def _accounts(figures: Figures) -> tuple[bool, str]:
    blocked = [one for one in figures.accounts if one.is_broken or one.paused_seconds > PAUSED_FOR]
    whys = [
        f"{one.connection_id} "
        + (f"paused for {_age(one.paused_seconds)}: {one.pause_reason}" if one.paused_seconds else "does not answer")
        for one in blocked
    ]
    used = [f"{one.connection_id} {one.calls_last_minute} of {one.calls_per_minute} calls" for one in figures.accounts]
    zones = "".join(f", {one.connection_id} dates in {one.time_zone}" for one in figures.accounts)
    return bool(blocked), ("; ".join(whys) or ", ".join(used) or "no account called yet") + zones


def _letters(figures: Figures) -> tuple[bool, str]:
    there, aside = (figures.dead_letters.get(state, CountAndAge()) for state in ("FOUND", "QUARANTINED"))
    return there.total > 0, f"{there.total} in the dead-letter queue{_oldest(there.age)}, {aside.total} set aside"


def _plans(figures: Figures) -> tuple[bool, str]:
    return (figures.plans.age or 0) > PLAN_AFTER, f"{figures.plans.total} plans due{_oldest(figures.plans.age)}"


def _findings(figures: Figures) -> tuple[bool, str]:
    found = summed(figures.findings.values())
    kinds = ", ".join(f"{one.total} {kind}" for kind, one in sorted(figures.findings.items()))
    return found.total > 0, f"{kinds or 'no'} findings wait for a person{_oldest(found.age)}"


CHECKS: Mapping[str, Callable[[Figures], tuple[bool, str]]] = {
    "job_silent": _jobs,
    RUN_FAILED: _bad_runs,
    "change_waiting": _waiting,
    "change_late": _late,
    "outcome_unknown": _unsettled,
    "outbox_unsent": _unsent,
    "account_blocked": _accounts,
    "dead_letters": _letters,
    "plans_overdue": _plans,
    "findings_open": _findings,
}
ALARMS = (*CHECKS, RUN_LATE, RUN_STOPPED, DATABASE_DOWN)
"""Every alarm; each has a page in docs/runbooks."""


def _oldest(age: float | None) -> str:
    return "" if age is None else f" (oldest {_age(age)})"


def _age(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def report(url: str) -> tuple[int, Sequence[str]]:
    """Return the exit code and the lines for the database at this URL."""
    engine = make_engine(url)
    try:
        found = checks(read_figures(engine, now=database_clock(engine, give_up_after=SECONDS_TO_ANSWER)()))
    except (ConfigurationError, DatabaseUnavailable, DBAPIError) as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        return NOT_WELL, [Check(DATABASE_DOWN, True, said).line()]
    finally:
        engine.dispose()
    return (NOT_WELL if any(one.is_on for one in found) else WELL), [one.line() for one in found]

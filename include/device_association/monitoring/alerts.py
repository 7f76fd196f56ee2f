"""Alarms are kept in a table, so that a person gets one alert when one begins, one a day while it lasts, and one at its end.

A failed or late run is over at once; about one DAG a person gets at most one alert an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.database.execution import changed, in_transaction, rows, run, values
from device_association.domain.errors import DatabaseUnavailable
from device_association.domain.storable_text import storable
from device_association.monitoring.health import RUN_FAILED, RUN_LATE, RUN_STOPPED, RUNBOOKS, Check, page_of

REMIND_AFTER = timedelta(days=1)
SAME_DAG_AFTER = timedelta(hours=1)
NOTE_WITHIN = 10.0
"""How many seconds a callback tries to note a run; Airflow gives it less than a minute."""
OF_RUNS = (RUN_FAILED, RUN_LATE)
Send = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that is to be sent: one that is on, or the end of one; times are UTC."""

    name: str
    subject: str
    message: str
    raised: datetime
    ended: datetime | None


def keep_alarms(engine: Engine, found: Sequence[Check], *, now: datetime) -> None:
    """Raise the alarms that are on and end those that are off; what runs say is kept by `note_run`.

    One that cannot be kept keeps back no other; the first problem is raised at the end.
    """
    problems: list[Exception] = []
    for one in found:
        if one.name in OF_RUNS:
            continue
        try:
            in_transaction(engine, partial(_keep, check=one, now=now))
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            log.exception("alarm %s could not be kept; the others are kept", one.name)
            problems.append(problem)
    if problems:
        raise problems[0]


def _keep(connection: Connection, *, check: Check, now: datetime) -> None:
    if check.is_on:
        _raise(connection, check.name, "", check.message, now)
    else:
        run(connection, "monitoring/end_alarm", alarm=check.name, subject="", now=now)


def _raise(connection: Connection, name: str, subject: str, message: str, now: datetime) -> None:
    alarm = {"alarm": name, "subject": storable(subject, 250), "message": storable(message, 1000), "now": now}
    if changed(connection, "monitoring/keep_alarm", **alarm) == 0:
        run(connection, "monitoring/insert_alarm", ended=None, **alarm)


def note_run(engine: Engine, name: str, dag_id: str, message: str, *, now: datetime) -> None:
    """Note that a run of a DAG failed or is late."""
    alarm = {"alarm": name, "subject": dag_id, "message": storable(message, 1000), "now": now}

    def note(connection: Connection) -> None:
        if changed(connection, "monitoring/note_run", sent_since=now - SAME_DAG_AFTER, **alarm) == 0:
            run(connection, "monitoring/insert_alarm", ended=now, **alarm)

    in_transaction(engine, note, give_up_after=NOTE_WITHIN)


def keep_stopped(engine: Engine, stopped: Mapping[str, str], *, now: datetime) -> None:
    """Raise an alarm for each thing in Airflow that stands still, by its name with how it stands; end those of the others."""

    def keep(connection: Connection) -> None:
        on: set[str] = set(values(connection, "monitoring/list_on", alarm=RUN_STOPPED))
        for subject in on - stopped.keys():
            run(connection, "monitoring/end_alarm", alarm=RUN_STOPPED, subject=subject, now=now)
        for subject, message in stopped.items():
            _raise(connection, RUN_STOPPED, subject, message, now)

    in_transaction(engine, keep)


def send_alerts(engine: Engine, send: Send, *, now: datetime, runbooks: str = RUNBOOKS) -> int:
    """Send an alert for each alarm of which none was sent, and return how many that were; each is sent at least once.

    One that cannot be sent is left for the next call and keeps back no other; the first problem is raised at the end.
    """
    with engine.connect() as connection:
        unsent = rows(connection, Alarm, "monitoring/list_unsent", sent_before=now - REMIND_AFTER)
    problems: list[Exception] = []
    for one in unsent:
        try:
            send(text_of(one, runbooks))
            in_transaction(engine, partial(_mark_sent, alarm=one, now=now))
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            log.exception("the alert about alarm %s could not be sent; the others are sent", one.name)
            problems.append(problem)
    if problems:
        raise problems[0]
    return len(unsent)


def _mark_sent(connection: Connection, *, alarm: Alarm, now: datetime) -> None:
    run(
        connection,
        "monitoring/mark_sent",
        alarm=alarm.name,
        subject=alarm.subject,
        raised=alarm.raised,
        is_on=int(alarm.ended is None),
        now=now,
    )


def text_of(alarm: Alarm, runbooks: str = RUNBOOKS) -> str:
    """Return the text of the alert about an alarm."""
    if alarm.ended is not None and alarm.name not in OF_RUNS:
        return f"OVER: {alarm.name} (since {alarm.raised:%Y-%m-%d %H:%M} UTC)"
    return alarm_text(alarm.name, alarm.message, runbooks)


def alarm_text(name: str, message: str, runbooks: str = RUNBOOKS) -> str:
    """Return the text of an alert about something that is not well."""
    return f"ALARM: {name}: {message} -> {page_of(name, runbooks)}"

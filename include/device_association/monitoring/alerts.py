"""Alarms are kept in a table, so that a person is told once when one begins, once a day while it lasts, and when it is over.

A failed or late run is over at once; about one DAG a person is told at most once an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from device_association.database.execution import Record, changed, in_transaction, records, run
from device_association.domain.errors import DatabaseUnavailable
from device_association.domain.storable_text import storable
from device_association.monitoring.health import RUN_FAILED, RUN_LATE, RUN_STOPPED, RUNBOOKS, Check, page_of

REMIND_AFTER = timedelta(days=1)
SAME_DAG_AFTER = timedelta(hours=1)
NOTE_WITHIN = 10.0
"""How many seconds a callback tries to note a run; Airflow gives it less than a minute."""
OF_RUNS = (RUN_FAILED, RUN_LATE)
Tell = Callable[[str], None]
log = logging.getLogger(__name__)


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
    key = {"alarm": check.name, "subject": "", "now": now}
    if not check.is_on:
        run(connection, "monitoring/end_alarm", **key)
    elif changed(connection, "monitoring/keep_alarm", said=storable(check.said, 1000), **key) == 0:
        run(connection, "monitoring/insert_alarm", said=storable(check.said, 1000), ended=None, **key)


def note_run(engine: Engine, name: str, dag_id: str, said: str, *, now: datetime) -> None:
    """Note that a run of a DAG failed or is late."""
    key = {"alarm": name, "subject": dag_id, "said": storable(said, 1000), "now": now}

    def note(connection: Connection) -> None:
        if changed(connection, "monitoring/note_run", told_since=now - SAME_DAG_AFTER, **key) == 0:
            run(connection, "monitoring/insert_alarm", ended=now, **key)

    in_transaction(engine, note, give_up_after=NOTE_WITHIN)


def keep_stopped(engine: Engine, stopped: Mapping[str, str], *, now: datetime) -> None:
    """Raise an alarm for each thing in Airflow that stands still, by its name with how it stands; end those of the others."""

    def keep(connection: Connection) -> None:
        on = {one["subject"] for one in records(connection, "monitoring/list_on", alarm=RUN_STOPPED)}
        for subject in on - stopped.keys():
            run(connection, "monitoring/end_alarm", alarm=RUN_STOPPED, subject=subject, now=now)
        for subject, said in stopped.items():
            key = {"alarm": RUN_STOPPED, "subject": storable(subject, 250), "said": storable(said, 1000), "now": now}
            if changed(connection, "monitoring/keep_alarm", **key) == 0:
                run(connection, "monitoring/insert_alarm", ended=None, **key)

    in_transaction(engine, keep)


def tell_alarms(engine: Engine, tell: Tell, *, now: datetime, runbooks: str = RUNBOOKS) -> int:
    """Tell a person what is untold and return how much that was; each is told at least once.

    One that cannot be told stays untold and keeps back no other; the first problem is raised at the end.
    """
    with engine.connect() as connection:
        untold = records(connection, "monitoring/list_untold", told_before=now - REMIND_AFTER)
    problems: list[Exception] = []
    for one in untold:
        key = {"alarm": one["name"], "subject": one["subject"], "raised": one["raised"]}
        is_on = int(one["ended"] is None)
        try:
            tell(text_of(one, runbooks))
            in_transaction(engine, partial(run, name="monitoring/mark_told", now=now, is_on=is_on, **key))
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            log.exception("alarm %s could not be told; the others are told", one["name"])
            problems.append(problem)
    if problems:
        raise problems[0]
    return len(untold)


def text_of(alarm: Record, runbooks: str = RUNBOOKS) -> str:
    """Return what a person is told of an alarm."""
    if alarm["ended"] is not None and alarm["name"] not in OF_RUNS:
        return f"OVER: {alarm['name']} (since {alarm['raised']:%Y-%m-%d %H:%M} UTC)"
    return f"ALARM: {alarm['name']}: {alarm['said']} -> {page_of(alarm['name'], runbooks)}"

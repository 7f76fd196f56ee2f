"""Deletes what nobody needs any more of our own working tables and of the reports of the data checks.

What belongs to an open change is never touched, nor what says whose a line is (intents and line owners), nor what a retry of
an old change reads (its state, terms and devices). A portal's table is only read.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from device_association.database.execution import changed, in_transaction, rows_per_statement
from device_association.domain.errors import DatabaseUnavailable
from device_association.requests.idempotency import KEPT

log = logging.getLogger(__name__)
Delete = Callable[[Connection, int], int]
"""Deletes so many rows at most, and returns how many that were."""


def purge_expired_rows(engine: Engine, *, keep: timedelta, now: datetime) -> dict[str, int]:
    """Delete what ended longer ago than it is kept, a batch a transaction; return how many rows of what.

    A table that cannot be purged keeps none of the others; the first problem is raised at the end.
    """
    ended = now - keep
    batched: dict[str, Delete] = {
        "known_lines": lambda connection, most: changed(
            connection, "maintenance/delete_known_lines", ended_before=ended, most=most
        ),
        "slices": lambda connection, most: changed(
            connection, "maintenance/delete_slices", ended_before=ended, most=most
        ),
        "steps": lambda connection, most: changed(
            connection, "maintenance/delete_steps", ended_before=ended, most=most
        ),
        "sent": lambda connection, most: changed(connection, "maintenance/delete_sent", ended_before=ended, most=most),
        "findings": lambda connection, most: changed(
            connection, "maintenance/delete_findings", ended_before=ended, most=most
        ),
        "dead_letters": lambda connection, most: changed(
            connection, "maintenance/delete_dead_letters", ended_before=ended, most=most
        ),
        "keys": lambda connection, most: changed(
            connection, "maintenance/delete_keys", keys_before=now - KEPT, most=most
        ),
    }
    deletions: dict[str, Callable[[], int]] = {
        name: partial(_delete, engine, delete) for name, delete in batched.items()
    }
    deletions["alarms"] = lambda: in_transaction(
        engine, lambda connection: changed(connection, "maintenance/delete_alarms", ended_before=ended)
    )
    return _each(deletions)


def purge_expired_reports(folder: Path, *, keep: timedelta, now: datetime) -> int:
    """Delete the reports of changes whose last report is older than it is kept; return of how many changes.

    A folder that cannot be deleted keeps none of the others; the first problem is raised at the end.
    """
    folders = {one.name: partial(_delete_old_reports, one, now - keep) for one in _changes(folder)}
    return sum(_each(folders).values())


def _each(works: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Do each work and return what it counted; the first problem is raised at the end."""
    counts: dict[str, int] = {}
    problems: list[Exception] = []
    for name, work in works.items():
        try:
            counts[name] = work()
        except DatabaseUnavailable:
            raise
        except Exception as problem:
            log.exception("%s could not be deleted; the rest is deleted", name)
            problems.append(problem)
    if problems:
        raise problems[0]
    return counts


def _delete_old_reports(folder: Path, before: datetime) -> int:
    """Delete a change's reports where the last is older; one that somebody just deleted is gone all the same."""
    try:
        if _last_report(folder) >= before:
            return 0
        shutil.rmtree(folder)
    except FileNotFoundError:
        return 0
    log.info("the reports of bulk change %s are deleted", folder.name)
    return 1


def _delete(engine: Engine, delete: Delete) -> int:
    """Delete batch by batch until one is not full; return how many rows that were."""
    most = rows_per_statement(engine)
    total, last = 0, most
    while last == most:
        last = in_transaction(engine, lambda connection: delete(connection, most))
        total += last
    return total


def _changes(folder: Path) -> list[Path]:
    """Return the folder of each change; what is named otherwise is not ours to delete."""
    found = folder.iterdir() if folder.is_dir() else []
    return sorted(one for one in found if one.name.isascii() and one.name.isdigit() and one.is_dir())


def _last_report(folder: Path) -> datetime:
    newest = max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
    return datetime.fromtimestamp(newest, UTC)

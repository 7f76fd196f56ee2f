"""Deletes what nobody needs any more of our own working tables and of the reports of the data checks.

What belongs to an open change is never touched, nor what says whose a line is (intents and line owners), nor what a retry of
an old change reads (its state, terms and devices). A portal's table is only read.
"""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from device_association.database import changed, in_transaction
from device_association.request_keys import KEPT

IN_BATCHES = ("listed_lines", "slices", "steps", "sent", "findings", "dead_letters")
"""What is deleted once its change ended, or it was decided, longer ago than it is kept."""
log = logging.getLogger(__name__)


def tidy_tables(engine: Engine, *, keep: timedelta, rows_at_once: int, now: datetime) -> dict[str, int]:
    """Delete what ended longer ago than it is kept, a batch a transaction; return how many rows of what."""
    then = now - keep
    counts = {name: _delete(engine, name, rows_at_once, ended_before=then) for name in IN_BATCHES}
    counts["keys"] = _delete(engine, "keys", rows_at_once, keys_before=now - KEPT)
    counts["alarms"] = in_transaction(
        engine, lambda connection: changed(connection, "housekeeping/delete_alarms", ended_before=then)
    )
    return counts


def tidy_reports(folder: Path, *, keep: timedelta, now: datetime) -> int:
    """Delete the reports of changes whose last report is older than it is kept; return of how many changes."""
    old = [one for one in _changes(folder) if _last_report(one) < now - keep]
    for one in old:
        shutil.rmtree(one)
        log.info("the reports of bulk change %s are deleted", one.name)
    return len(old)


def _delete(engine: Engine, name: str, most: int, **binds: object) -> int:
    """Delete batch by batch until one is not full; return how many rows that were."""

    def delete(connection: Connection) -> int:
        return changed(connection, f"housekeeping/delete_{name}", most=most, **binds)

    total, last = 0, most
    while last == most:
        last = in_transaction(engine, delete)
        total += last
    return total


def _changes(folder: Path) -> list[Path]:
    """Return the folder of each change; what is named otherwise is not ours to delete."""
    found = folder.iterdir() if folder.is_dir() else []
    return sorted(one for one in found if one.name.isascii() and one.name.isdigit() and one.is_dir())


def _last_report(folder: Path) -> datetime:
    newest = max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
    return datetime.fromtimestamp(newest, UTC)

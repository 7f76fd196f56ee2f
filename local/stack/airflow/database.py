"""Brings Airflow's database up to date and makes the pools: one process, where Airflow's commands would be three.

Run as `python -m local.stack.airflow.database` with the stack's Airflow environment, POOL_SLOTS, WANTED and DONE_FILE.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from local.stack.airflow.environment import POOL
from local.stack.settings import LocalSettings


def wanted(settings: LocalSettings) -> str:
    """Return what the database should be at."""
    return f"Airflow {version('apache-airflow-core')}, {POOL} {settings.rev_services_slots}"


def done_file(settings: LocalSettings) -> Path:
    """Return where it stands what the database is at: beside the database, to be deleted with it."""
    return settings.state_dir / "postgres" / "airflow_is_at"


def is_done(settings: LocalSettings) -> bool:
    """Return whether there is nothing to do; asking Airflow itself would take three seconds of imports."""
    file = done_file(settings)
    return file.exists() and file.read_text(encoding="utf-8") == wanted(settings)


def main() -> None:
    """Migrate, then make or resize the pool."""
    from airflow.models.pool import Pool
    from airflow.utils import db

    db.upgradedb()
    Pool.create_or_update_pool(
        POOL, int(os.environ["POOL_SLOTS"]), "Tasks that call Rev.io; leaves room for other changes.", False
    )
    Path(os.environ["DONE_FILE"]).write_text(os.environ["WANTED"], encoding="utf-8")


if __name__ == "__main__":
    main()

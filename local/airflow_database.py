"""Brings Airflow's database up to date and makes the pools: one process, where Airflow's commands would be three.

Run as `python -m local.airflow_database` with the stack's Airflow environment and POOL_SLOTS.
"""

from __future__ import annotations

import os

from local.airflow_environment import POOL


def main() -> None:
    """Migrate, then make or resize the pool."""
    from airflow.models.pool import Pool
    from airflow.utils import db

    db.upgradedb()
    Pool.create_or_update_pool(
        POOL, int(os.environ["POOL_SLOTS"]), "Tasks that call Rev.io; leaves room for other changes.", False
    )


if __name__ == "__main__":
    main()

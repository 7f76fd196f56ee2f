"""Brings the portal's database up to date, and fills an empty one with the sample data.

Run as `python -m local.stack.servers.portal_database` with PORTAL_URL.
"""

from __future__ import annotations

import os

from sqlalchemy import Engine, func, select

from local.sample_data import load
from local.sample_data.portal_tables import named


def main() -> None:
    """Apply the schema; load the sample data unless somebody's data is there."""
    from device_association.database.execution import make_engine
    from device_association.installation.migrate import upgrade

    url = os.environ["PORTAL_URL"]
    upgrade(url)
    engine = make_engine(url)
    if _is_empty(engine):
        load(engine)
        print("sample data loaded")  # noqa: T201 -- for the log of this step
    engine.dispose()


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return not connection.scalar(select(func.count()).select_from(named("dbo.Tenant")))


if __name__ == "__main__":
    main()

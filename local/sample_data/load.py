"""Fills the portal's database with the sample world; a second load gives the same state again."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, column, func, select

from local.sample_data import customers, inventory, people, world
from local.sample_data.portal_tables import empty, named, numbering
from local.sample_data.rows import Rows

ROWS_AT_ONCE = 500


def load(engine: Engine) -> None:
    """Replace everything in the portal's tables by the sample world, in one transaction.

    Ids of bulk changes go on where they were: queue and Airflow still know the earlier ones, and an id means one change.
    """
    with engine.begin() as connection:
        last_id = connection.scalar(select(func.max(column("id"))).select_from(named("dbo.DeviceBulkChange"))) or 0
        empty(connection)
        for name, rows in [*people.tables(), *customers.tables(), *inventory.tables(), *_other_program(last_id + 1)]:
            _insert(connection, f"dbo.{name}", rows, first_id=last_id + 1 if name == "DeviceBulkChange" else 1)


def _insert(connection: Connection, name: str, rows: Rows, first_id: int) -> None:
    """Insert rows with ids from `first_id` on, where the table numbers its rows; the next id follows the last."""
    numbered = [row if "id" in row else {"id": number, **row} for number, row in enumerate(rows, first_id)]
    with numbering(connection, name, last_id=first_id + len(rows) - 1, numbers_itself="id" not in rows[0]):
        for start in range(0, len(numbered), ROWS_AT_ONCE):
            connection.execute(named(name, *numbered[0]).insert().values(numbered[start : start + ROWS_AT_ONCE]))


def _other_program(change_id: int) -> list[tuple[str, Rows]]:
    """A status change that another program has in work: its devices are nobody else's until it has ended."""
    change = {
        "ChangeRequestTypeId": 1,
        "ServiceProviderId": world.JASPER,
        "TenantId": world.NORTHWIND,
        "Status": "PROCESSING",
        "CreatedBy": "status.worker",
    }
    held = [
        {"BulkChangeId": change_id, "DeviceId": number, "ICCID": world.iccid(number), "Status": "PROCESSING"}
        for number in world.NUMBERS["in_other_change"]
    ]
    return [("DeviceBulkChange", [change]), ("M2M_DeviceChange", held)]

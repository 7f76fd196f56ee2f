"""The one database of all examples: what an example finds, and how it is brought back to that."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import Connection, Engine, event

from local.sample_data import groups, world
from local.sample_data.portal_tables import table_names

DEVICES = groups().inherited
MSISDNS = tuple(world.msisdn(number) for number in world.NUMBERS["inherited"])
OPERATION = [
    name
    for name in table_names()
    if name.startswith("device_association.")
    or name.removeprefix("dbo.")
    in {
        "RevService",
        "RevServiceProduct",
        "DeviceBulkChange",
        "DeviceChangeRequest",
        "M2M_DeviceChange",
        "DeviceBulkChangeLog",
        "DeviceActionHistory",
        "CrossProviderDeviceHistory",
        "Device_CustomerRatePlanOrRatePool_Queue",
        "Device_Tenant",
    }
]
"""The tables that an example writes."""


def prepare(portal: Engine) -> None:
    """Keep of the sample world what an example needs, once; let a worker's moment come before each of its transactions."""
    with portal.begin() as connection:
        connection.exec_driver_sql("SET synchronous_commit = off")
        connection.exec_driver_sql(
            "CREATE TABLE public.kept AS SELECT t.* FROM dbo.Device_Tenant AS t "
            "INNER JOIN dbo.Device AS d ON t.DeviceId = d.id WHERE d.ICCID = ANY(%s)",
            (list(DEVICES),),
        )
        connection.exec_driver_sql("CREATE TABLE public.kept_customer AS SELECT id, RevCustomerId FROM dbo.RevCustomer")
        for name in reversed(OPERATION):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM dbo.Device WHERE ICCID <> ALL(%s)", (list(DEVICES),))
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET synchronous_commit = off")
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET lock_timeout = '5s'")
        connection.exec_driver_sql(f"ALTER DATABASE {portal.url.database} SET jit = off")
    portal.dispose()

    @event.listens_for(portal, "begin")
    def come(connection: Connection) -> None:
        worker = connection.get_execution_options().get("worker")
        if worker is not None:
            worker.moment()

    @event.listens_for(portal, "before_cursor_execute")
    def come_by_name(connection: Connection, _cursor: Any, sql: str, binds: Any, *_: Any) -> None:
        worker = connection.get_execution_options().get("worker")
        if worker is None:
            return
        if PRODUCT_BEGINS in sql and is_idle(connection):
            worker.moment("begin product", counts=False)
        if SETTLES in sql:
            worker.office.note_settled(worker, binds)


def is_idle(connection: Connection) -> bool:
    """Whether nothing was done in the connection's transaction yet: what happens meanwhile must find no lock of it."""
    own: Any = connection.connection.dbapi_connection
    return bool(own.info.transaction_status == TRANSACTION_STATUS_IDLE)


PRODUCT_BEGINS = "UPDATE device_association.rev_product_step\nSET State = 'CALLING'"
"""What the statement says that takes the lease of a product's call."""
SETTLES = "State = %(state)s, RevServiceId = %(service_id)s"
"""What the statement says that records which line is a SIM's."""
RESET = ";".join(
    [
        *(f"DELETE FROM {name}" for name in reversed(OPERATION)),
        "INSERT INTO dbo.Device_Tenant SELECT * FROM public.kept",
        "UPDATE dbo.RevCustomer AS c SET RevCustomerId = k.RevCustomerId FROM public.kept_customer AS k "
        "WHERE c.id = k.id AND c.RevCustomerId <> k.RevCustomerId",
    ]
)


def reset(portal: Engine) -> None:
    """Bring the database back to how an example begins."""
    with portal.begin() as connection:
        connection.exec_driver_sql(RESET)

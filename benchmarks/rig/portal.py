"""A portal database of a benchmark's own beside the stack's: the sample world, and as many more devices as are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import URL, Engine, create_engine, insert, text
from sqlalchemy.engine import make_url

from benchmarks.progress import Tell, silent
from benchmarks.rig.steps import now
from device_association.database.execution import make_engine
from device_association.database.tables.portal_devices import device, device_tenant
from device_association.installation.migrate import upgrade
from device_association.requests.create import create_bulk_change
from local import sample_data
from local.sample_data import world

FIRST_DEVICE = 100_001
LINE = {"CreateRevService": True, "ServiceTypeId": world.SERVICE_TYPE, "ProviderId": world.PROVIDER}
"""What a request says that wants a line for each device."""


def make_portal(portal_url: str, database: str, devices: int, tell: Tell = silent) -> URL:
    """Create the database on the server of the stack's portal; its devices have the numbers from FIRST_DEVICE on."""
    tell("creating a portal database")
    url = make_url(portal_url).set(database=database)
    admin = create_engine(portal_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {database}"))
    admin.dispose()
    upgrade(url.render_as_string(hide_password=False))
    engine = make_engine(url)
    sample_data.load(engine)
    add_devices(engine, devices, tell)
    engine.dispose()
    return url


def request_change(engine: Engine, numbers: range, terms: Mapping[str, object]) -> int:
    """Ask for the devices with these numbers to be given to a customer, as the portal would; return the change's id."""
    asked = {
        "ServiceProviderId": world.JASPER,
        "Devices": [world.iccid(number) for number in numbers],
        "RevCustomerId": world.ACME,
        **terms,
    }
    return create_bulk_change(engine, asked, user_name="dora.ops", now=now(), max_devices=100_000).change_id


def add_devices(engine: Engine, count: int, tell: Tell = silent) -> None:
    """Put so many devices into the inventory of the sample world's tenant, with the numbers from FIRST_DEVICE on."""
    numbers = range(FIRST_DEVICE, FIRST_DEVICE + count)
    with engine.begin() as connection:
        for start in range(0, count, 1000):
            part = numbers[start : start + 1000]
            tell("adding devices,", start + len(part), count)
            devices = [
                {
                    "id": number,
                    "ServiceProviderId": world.JASPER,
                    "ICCID": world.iccid(number),
                    "MSISDN": world.msisdn(number),
                    "DeviceStatusId": 1,
                    "DateActivated": datetime(2026, 1, 1, tzinfo=UTC),
                }
                for number in part
            ]
            tenants = [{"DeviceId": number, "TenantId": world.NORTHWIND} for number in part]
            connection.execute(insert(device).values(devices))
            connection.execute(insert(device_tenant).values(tenants))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE dbo.Device, dbo.Device_Tenant"))

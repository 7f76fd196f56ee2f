"""Fills the portal's database with the sample world; a second load gives the same state again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, column, func, select

from local.portal_tables import empty, named, numbering
from local.sample_data import world
from local.sample_data.seed import CONNECTIONS, known_lines

Rows = list[dict[str, Any]]
ROWS_AT_ONCE = 500
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ACTIVE, TEST_READY, SUSPENDED, ARCHIVED = 1, 2, 3, 4


def load(engine: Engine) -> None:
    """Replace everything in the portal's tables by the sample world, in one transaction.

    Ids of bulk changes go on where they were: queue and Airflow still know the earlier ones, and an id means one change.
    """
    with engine.begin() as connection:
        last_id = connection.scalar(select(func.max(column("id"))).select_from(named("dbo.DeviceBulkChange"))) or 0
        empty(connection)
        for name, rows in [*_people(), *_customers(), *_inventory(), *_other_program(last_id + 1)]:
            _insert(connection, f"dbo.{name}", rows, first_id=last_id + 1 if name == "DeviceBulkChange" else 1)


def _insert(connection: Connection, name: str, rows: Rows, first_id: int) -> None:
    """Insert rows with ids from `first_id` on, where the table numbers its rows; the next id follows the last."""
    numbered = [row if "id" in row else {"id": number, **row} for number, row in enumerate(rows, first_id)]
    with numbering(connection, name, last_id=first_id + len(rows) - 1, numbers_itself="id" not in rows[0]):
        for start in range(0, len(numbered), ROWS_AT_ONCE):
            connection.execute(named(name, *numbered[0]).insert().values(numbered[start : start + ROWS_AT_ONCE]))


def _people() -> list[tuple[str, Rows]]:
    return [
        (
            "Tenant",
            [
                {"Name": "Northwind Telematics", "ParentTenantId": None, "TimeZone": "America/Chicago"},
                {"Name": "Northwind Fleet", "ParentTenantId": world.NORTHWIND, "TimeZone": "Pacific/Auckland"},
                {"Name": "Contoso IoT", "ParentTenantId": None, "TimeZone": "Asia/Kolkata"},
            ],
        ),
        ("PortalUser", [_user(name, tenant) for name, tenant, *_ in USERS]),
        (
            "PortalUserPermission",
            [
                {"UserId": number, "Module": "M2M", "CanAccess": access, "CanCreate": create, "CanEdit": edit}
                for number, (_, _, access, create, edit) in enumerate(USERS, 1)
            ],
        ),
        (
            "ServiceProvider",
            [
                {"Name": name, "DisplayName": name, "IntegrationId": 1, "TenantId": tenant, "WriteIsEnabled": writes}
                for name, tenant, writes in (
                    ("Jasper", world.NORTHWIND, 1),
                    ("Verizon", world.NORTHWIND, 1),
                    ("Telegence", world.NORTHWIND, 0),
                    ("Adriatic", world.CONTOSO, 1),
                )
            ],
        ),
        (
            "Integration_Authentication",
            [
                {"TenantId": world.NORTHWIND, "Name": name, "ConnectionId": connection}
                for name, connection in CONNECTIONS.items()
            ],
        ),
    ]


USERS = [
    ("admin", world.NORTHWIND, 1, 1, 1),
    ("dora.ops", world.NORTHWIND, 1, 1, 1),
    ("vic.viewer", world.NORTHWIND, 1, 0, 0),
    ("carl.clerk", world.NORTHWIND, 1, 1, 0),
    ("olga.other", world.CONTOSO, 1, 1, 1),
    ("finn.fleet", world.FLEET, 1, 1, 0),
]
"""Sign-in name, tenant, and the rights CanAccess, CanCreate and CanEdit on M2M. Carl may use one customer only."""


def _user(name: str, tenant: int) -> dict[str, Any]:
    return {"UserName": name, "Email": f"{name}@example.com", "TenantId": tenant}


CUSTOMERS = [
    (world.ACME, "Acme Fleet", world.ACCOUNT, world.NORTHWIND, None),
    (world.BOREALIS, "Borealis Cold Chain", world.ACCOUNT, world.NORTHWIND, None),
    (world.CLOSED, "Cartage Closed", world.ACCOUNT, world.NORTHWIND, "CLOSED"),
    (world.SITELESS, "Dune Logistics", world.ACCOUNT, world.NORTHWIND, None),
    (world.UNBILLED, "Elm Street Pilot", None, world.NORTHWIND, None),
    (world.TWICE, "Ferry Lines", world.ACCOUNT, world.NORTHWIND, None),
    (world.TWICE, "Ferry Lines West", world.SECOND_ACCOUNT, world.NORTHWIND, None),
    (world.GULF, "Gulf Rentals", world.SECOND_ACCOUNT, world.FLEET, None),
]


def _customers() -> list[tuple[str, Rows]]:
    sites = [(number, account, tenant) for number, _, account, tenant, _ in CUSTOMERS if number != world.SITELESS]
    return [
        (
            "RevCustomer",
            [
                {
                    "id": world.customer_id(number, account),
                    "RevCustomerId": number,
                    "CustomerName": name,
                    "IntegrationAuthenticationId": account,
                    "TenantId": tenant,
                    "Status": status,
                    "CloseDate": EPOCH if status else None,
                }
                for number, name, account, tenant, status in CUSTOMERS
            ],
        ),
        ("PortalUserRevCustomer", [{"UserId": 4, "RevCustomerId": world.customer_id(world.ACME)}]),
        (
            "Site",
            [
                {"TenantId": tenant, "Name": f"Site of {number}", "RevCustomerId": world.customer_id(number, account)}
                for number, account, tenant in sites
            ],
        ),
        *_for_sale(),
        ("CustomerRatePlan", [_plan("FLEET-10", world.JASPER), _plan("FLEET-50", world.JASPER), _plan("V-10", 2)]),
        (
            "CustomerRatePool",
            [{"Name": "Acme pool", "ServiceProviderId": world.JASPER, "TenantId": world.NORTHWIND}],
        ),
        (
            "CarrierRatePlan",
            [
                {"RatePlanCode": code, "FriendlyName": name, "ServiceProviderId": provider, "IsRetired": retired}
                for code, name, provider, retired in (
                    (world.CARRIER_PLAN, "10 MB a month", world.JASPER, 0),
                    (world.RETIRED_PLAN, "Pay as you go", world.JASPER, 1),
                    ("TEL-5MB", "5 MB a month", world.TELEGENCE, 0),
                )
            ],
        ),
    ]


def _plan(code: str, provider: int) -> dict[str, Any]:
    return {
        "RatePlanCode": code,
        "RatePlanName": f"Plan {code}",
        "PlanMB": 10,
        "ServiceProviderId": provider,
        "TenantId": world.NORTHWIND,
    }


def _for_sale() -> list[tuple[str, Rows]]:
    offered = {
        "RevServiceType": [world.SERVICE_TYPE],
        "RevProvider": [world.PROVIDER],
        "RevPackage": [world.PACKAGE],
        "RevProduct": [world.PRODUCT, world.SECOND_PRODUCT],
        "RevUsagePlanGroup": [world.USAGE_PLAN_GROUP],
    }
    return [
        (
            table,
            [
                {"RevId": one, "Description": world.SOLD_AS[one], "IntegrationAuthenticationId": account}
                for account in (world.ACCOUNT, world.SECOND_ACCOUNT)
                for one in ids
            ],
        )
        for table, ids in offered.items()
    ]


def _inventory() -> list[tuple[str, Rows]]:
    numbers = range(1, world.DEVICES + 1)
    lines = known_lines()
    line_of = {line["number2"]: place for place, line in enumerate(lines, 1)}
    return [
        (
            "DeviceStatus",
            [
                {
                    "Status": name,
                    "DisplayName": name.replace("_", " ").title(),
                    "IntegrationId": 1,
                    "IsActiveStatus": active,
                    "AllowsCustomerAssignment": allows,
                }
                for name, active, allows in (
                    ("ACTIVATED", 1, 1),
                    ("TEST_READY", 0, 1),
                    ("SUSPENDED", 0, 0),
                    ("ARCHIVED", 0, 0),
                )
            ],
        ),
        ("Device", [_device(number) for number in numbers]),
        ("RevService", [_mirrored(line) for line in lines]),
        ("Device_Tenant", [_tenancy(number, line_of.get(world.iccid(number))) for number in numbers]),
        (
            "DeviceStatusHistory",
            [
                {"ICCID": world.iccid(number), "CurrentStatus": "ACTIVATED", "DateOfChange": _activated(number)}
                for number in numbers
                if number % 10 >= 7
            ],
        ),
    ]


def _device(number: int) -> dict[str, Any]:
    status = ACTIVE if number % 4 else TEST_READY
    status = SUSPENDED if number in world.NUMBERS["status_not_allowed"] else status
    status = ARCHIVED if number in world.NUMBERS["archived"] else status
    return {
        "ServiceProviderId": world.JASPER if number <= 2500 else (world.VERIZON, world.TELEGENCE)[number % 2],
        "ICCID": world.iccid(number),
        "MSISDN": world.msisdn(number),
        "IMSI": f"310260{number:09d}",
        "DeviceStatusId": status,
        "IsActive": 0 if status == ARCHIVED else 1,
        "DateActivated": _activated(number) if number % 10 < 7 else None,
    }


def _activated(number: int) -> datetime:
    return EPOCH + timedelta(hours=number % 4000)


def _tenancy(number: int, line: int | None) -> dict[str, Any]:
    elsewhere = number in world.NUMBERS["not_in_tenant"]
    customer = world.BOREALIS if number in world.NUMBERS["other_customer"] else world.ACME
    return {
        "DeviceId": number,
        "TenantId": world.CONTOSO if elsewhere else world.NORTHWIND,
        "SiteId": (1 if customer == world.ACME else 2) if line else None,
        "AccountNumber": customer if line else None,
        "AccountNumberIntegrationAuthenticationId": world.ACCOUNT if line else None,
        "RevServiceId": line,
    }


def _mirrored(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "RevServiceId": line["service_id"],
        "RevCustomerId": world.customer_id(str(line["customer_id"])),
        "Number": line["number"],
        "Number2": line["number2"],
        "ActivatedDate": datetime.fromisoformat(line["activated_date"]).replace(tzinfo=UTC),
        "IntegrationAuthenticationId": world.ACCOUNT,
        "RevServiceTypeId": world.SERVICE_TYPE,
        "RevProviderId": world.PROVIDER,
    }


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

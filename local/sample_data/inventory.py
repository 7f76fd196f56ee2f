"""The rows of the devices: their statuses, tenants, history, and the lines that the mirror knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from local.sample_data import world
from local.sample_data.rows import EPOCH, Rows
from local.sample_data.seed import known_lines

ACTIVE, TEST_READY, SUSPENDED, ARCHIVED = 1, 2, 3, 4


def tables() -> list[tuple[str, Rows]]:
    """Return the rows by table, those first that others refer to."""
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

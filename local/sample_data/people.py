"""The rows of who uses the portal: tenants, users and their rights, service providers, Rev.io accounts."""

from __future__ import annotations

from typing import Any

from local.sample_data import world
from local.sample_data.rows import Rows
from local.sample_data.seed import CONNECTIONS

USERS = [
    ("admin", world.NORTHWIND, 1, 1, 1),
    ("dora.ops", world.NORTHWIND, 1, 1, 1),
    ("vic.viewer", world.NORTHWIND, 1, 0, 0),
    ("carl.clerk", world.NORTHWIND, 1, 1, 0),
    ("olga.other", world.CONTOSO, 1, 1, 1),
    ("finn.fleet", world.FLEET, 1, 1, 0),
]
"""Sign-in name, tenant, and the rights CanAccess, CanCreate and CanEdit on M2M. Carl may use one customer only."""


def tables() -> list[tuple[str, Rows]]:
    """Return the rows by table, those first that others refer to."""
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


def _user(name: str, tenant: int) -> dict[str, Any]:
    return {"UserName": name, "Email": f"{name}@example.com", "TenantId": tenant}

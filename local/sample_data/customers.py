"""The rows of who is billed for what: customers and their sites, what Rev.io sells, rate plans."""

from __future__ import annotations

from typing import Any

from local.sample_data import world
from local.sample_data.rows import EPOCH, Rows

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


def tables() -> list[tuple[str, Rows]]:
    """Return the rows by table, those first that others refer to."""
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

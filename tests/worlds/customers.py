"""Tenants and their users, customers, plans, and what Rev.io sells."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tests.worlds.values import CHILD, MOMENTS, NAMES, PARENT, STRANGER, Row, Tables, customer_id, mostly

ZONES = [
    None,
    "UTC",
    "America/Chicago",
    "America/St_Johns",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Honolulu",
]
"""Some are a whole day apart, some are off by quarters of an hour, some have no summer time."""


def people(draw: st.DrawFn) -> Tables:
    zones = st.sampled_from(ZONES)
    users = [("ana", PARENT), ("fin", CHILD), ("vic", PARENT)]
    return {
        "dbo.Tenant": [
            {"id": number, "Name": draw(NAMES), "ParentTenantId": parent, "TimeZone": draw(zones)}
            for number, parent in ((PARENT, None), (CHILD, PARENT), (STRANGER, None))
        ],
        "dbo.PortalUser": [
            {"id": number, "UserName": name, "TenantId": tenant} for number, (name, tenant) in enumerate(users, 1)
        ],
        "dbo.PortalUserPermission": [
            {
                "id": number,
                "UserId": number,
                "Module": "M2M",
                "CanAccess": 1,
                "CanCreate": int(number < 3),
                "CanEdit": 0,
            }
            for number in (1, 2, 3)
        ],
        "dbo.Integration_Authentication": [
            {"id": number, "TenantId": tenant, "Name": f"account {number}", "ConnectionId": f"revio_{number}"}
            for number, tenant in ((1, PARENT), (2, PARENT), (3, CHILD))
        ],
        "dbo.ServiceProvider": [
            {"id": number, "Name": draw(NAMES), "IntegrationId": 1, "TenantId": tenant, "WriteIsEnabled": writes}
            for number, tenant, writes in ((1, PARENT, 1), (2, PARENT, 0), (3, STRANGER, 1))
        ],
    }


def customers(draw: st.DrawFn) -> Tables:
    named = st.tuples(st.sampled_from(["11", "12", "13", "x1"]), st.sampled_from([1, 1, 2, 3, None]))
    keys = [("11", 1), *draw(st.lists(named.filter(lambda key: key != ("11", 1)), max_size=4, unique=True))]
    customers, sites = [], []
    for place, (number, account) in enumerate(keys, 1):
        if place == 1 and draw(mostly(True, False)):
            customers.append(_plain_customer(number, account))
            sites.append({"id": 11, "TenantId": PARENT, "Name": "here", "RevCustomerId": customer_id(1), "IsActive": 1})
            continue
        tenant = draw(mostly(PARENT, CHILD))
        customers.append(
            {
                "id": customer_id(place),
                "RevCustomerId": number,
                "CustomerName": draw(NAMES),
                "IntegrationAuthenticationId": account,
                "Status": draw(mostly(None, "CLOSED", "closed", "Active")),
                "CloseDate": draw(st.one_of(st.none(), st.none(), st.none(), MOMENTS)),
                "TenantId": tenant,
                "IsDeleted": draw(mostly(0, 1)),
            }
        )
        if draw(mostly(True, False)):
            sites.append(
                {
                    "id": 10 + place,
                    "TenantId": draw(mostly(tenant, STRANGER)),
                    "Name": draw(NAMES),
                    "RevCustomerId": customer_id(place),
                    "IsActive": draw(mostly(1, 0)),
                }
            )
    seen = draw(mostly([], [1], [len(keys)]))
    access = [{"id": place, "UserId": 1, "RevCustomerId": customer_id(place)} for place in seen]
    return {"dbo.RevCustomer": customers, "dbo.PortalUserRevCustomer": access, "dbo.Site": sites}


def _plain_customer(number: str, account: int | None) -> Row:
    return {
        "id": customer_id(1),
        "RevCustomerId": number,
        "CustomerName": "Žižka & O'Brien 😀 100 %",
        "IntegrationAuthenticationId": account,
        "Status": None,
        "CloseDate": None,
        "TenantId": PARENT,
        "IsDeleted": 0,
    }


def for_sale() -> Tables:
    sold = {
        "RevServiceType": [7],
        "RevProvider": [21],
        "RevPackage": [31],
        "RevProduct": [41, 42],
        "RevUsagePlanGroup": [51],
    }
    return {
        f"dbo.{table}": [
            {"id": 10 * account + place, "RevId": one, "Description": f"{one}", "IntegrationAuthenticationId": account}
            for account in (1, 2, 3)
            for place, one in enumerate(ids)
        ]
        for table, ids in sold.items()
    }


def plans(draw: st.DrawFn) -> Tables:
    owned = [(1, 1, PARENT), (2, 1, CHILD), (3, 2, PARENT)]
    return {
        "dbo.CustomerRatePlan": [
            {
                "id": number,
                "RatePlanCode": f"P{number}",
                "RatePlanName": draw(NAMES),
                "PlanMB": Decimal("10.0000000001"),
                "ServiceProviderId": provider,
                "TenantId": tenant,
                "IsActive": draw(st.sampled_from([1] * 9 + [0])),
            }
            for number, provider, tenant in owned
        ],
        "dbo.CustomerRatePool": [
            {"id": number, "Name": draw(NAMES), "ServiceProviderId": provider, "TenantId": tenant}
            for number, provider, tenant in owned
        ],
        "dbo.CarrierRatePlan": [
            {
                "id": number,
                "RatePlanCode": code,
                "FriendlyName": draw(NAMES),
                "ServiceProviderId": 1,
                "IsRetired": retired,
            }
            for number, (code, retired) in enumerate([("JAS-10", 0), ("Žižka 5 %", 0), ("JAS-OLD", 1)], 1)
        ],
    }

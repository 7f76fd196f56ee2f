"""The portal's customers of Rev.io, sites, rate plans and pools, and what Rev.io sells."""

from __future__ import annotations

from sqlalchemy import Table

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.tables.columns import (
    GUID,
    INSTANT,
    INT,
    amount,
    audit,
    flag,
    index,
    key,
    numbered,
    optional,
    required,
    table,
    text,
    unique,
)


def for_sale(name: str) -> Table:
    """Declare one of the tables of what an account of Rev.io sells, by the ids that Rev.io knows."""
    return table(
        name,
        numbered(INT),
        required("RevId", INT),
        optional("Description", text(500)),
        required("IntegrationAuthenticationId", INT, "dbo.Integration_Authentication.id"),
        *audit(),
        unique("RevId", "IntegrationAuthenticationId"),
    )


# Rev customers, sites, rate plans and pools, and what Rev.io sells.
rev_customer = table(
    "dbo.RevCustomer",
    key("id", GUID),
    required("RevCustomerId", text(50)),
    required("CustomerName", text(200)),
    optional("IntegrationAuthenticationId", INT, "dbo.Integration_Authentication.id"),
    optional("Status", text(50)),
    optional("CloseDate", INSTANT),
    required("TenantId", INT, "dbo.Tenant.id"),
    *audit(),
    unique("RevCustomerId", "IntegrationAuthenticationId", nulls_are_equal=True),
)


portal_user_rev_customer = table(
    "dbo.PortalUserRevCustomer",
    numbered(INT),
    required("UserId", INT, "dbo.PortalUser.id"),
    required("RevCustomerId", GUID, "dbo.RevCustomer.id"),
    *audit(),
    unique("UserId", "RevCustomerId"),
)


site = table(
    "dbo.Site",
    numbered(INT),
    required("TenantId", INT, "dbo.Tenant.id"),
    required("Name", text(200)),
    optional("RevCustomerId", GUID, "dbo.RevCustomer.id"),
    *flag("IsSystemDefault", default=0),
    *audit(),
    # One active site per tenant and customer. On SQL Server it is the portal's to keep: a filtered unique index would refuse
    # the writers of its tables that have QUOTED_IDENTIFIER off.
    index(
        "ux_site_active",
        "TenantId",
        "RevCustomerId",
        is_unique=True,
        where="RevCustomerId IS NOT NULL AND IsActive = 1 AND IsDeleted = 0",
        only=POSTGRESQL,
    ),
    index("ix_site_customer", "TenantId", "RevCustomerId", only=SQL_SERVER),
)


customer_rate_plan = table(
    "dbo.CustomerRatePlan",
    numbered(INT),
    required("RatePlanCode", text(50)),
    required("RatePlanName", text(200)),
    optional("PlanMB", amount(10)),
    required("ServiceProviderId", INT, "dbo.ServiceProvider.id"),
    required("TenantId", INT, "dbo.Tenant.id"),
    *audit(),
)


customer_rate_pool = table(
    "dbo.CustomerRatePool",
    numbered(INT),
    required("Name", text(200)),
    required("ServiceProviderId", INT, "dbo.ServiceProvider.id"),
    required("TenantId", INT, "dbo.Tenant.id"),
    *audit(),
)


carrier_rate_plan = table(
    "dbo.CarrierRatePlan",
    numbered(INT),
    required("RatePlanCode", text(50)),
    optional("FriendlyName", text(200)),
    required("ServiceProviderId", INT, "dbo.ServiceProvider.id"),
    *flag("IsRetired", default=0),
    *audit(),
    unique("RatePlanCode", "ServiceProviderId"),
)


rev_service_type = for_sale("dbo.RevServiceType")
rev_provider = for_sale("dbo.RevProvider")
rev_package = for_sale("dbo.RevPackage")
rev_product = for_sale("dbo.RevProduct")
rev_usage_plan_group = for_sale("dbo.RevUsagePlanGroup")

"""The portal's customers of Rev.io, sites, rate plans and pools, and what Rev.io sells."""

from device_association.installation.migrations.initial import columns as c


def rev_customer() -> None:
    c.create_table(
        "dbo.RevCustomer",
        c.key("id", c.GUID),
        c.required("RevCustomerId", c.text(50)),
        c.required("CustomerName", c.text(200)),
        c.optional("IntegrationAuthenticationId", c.INT, "dbo.Integration_Authentication.id"),
        c.optional("Status", c.text(50)),
        c.optional("CloseDate", c.INSTANT),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        *c.audit(),
        c.unique("RevCustomerId", "IntegrationAuthenticationId", nulls_are_equal=True),
    )


def portal_user_rev_customer() -> None:
    c.create_table(
        "dbo.PortalUserRevCustomer",
        c.numbered(c.INT),
        c.required("UserId", c.INT, "dbo.PortalUser.id"),
        c.required("RevCustomerId", c.GUID, "dbo.RevCustomer.id"),
        *c.audit(),
        c.unique("UserId", "RevCustomerId"),
    )


def site() -> None:
    c.create_table(
        "dbo.Site",
        c.numbered(c.INT),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        c.required("Name", c.text(200)),
        c.optional("RevCustomerId", c.GUID, "dbo.RevCustomer.id"),
        *c.flag("IsSystemDefault", default=0),
        *c.audit(),
    )
    c.create_index(
        "ux_site_active",
        "dbo.Site",
        "TenantId",
        "RevCustomerId",
        is_unique=True,
        where="RevCustomerId IS NOT NULL AND IsActive = 1 AND IsDeleted = 0",
        only=c.POSTGRESQL,
    )
    c.create_index("ix_site_customer", "dbo.Site", "TenantId", "RevCustomerId", only=c.SQL_SERVER)


def customer_rate_plan() -> None:
    c.create_table(
        "dbo.CustomerRatePlan",
        c.numbered(c.INT),
        c.required("RatePlanCode", c.text(50)),
        c.required("RatePlanName", c.text(200)),
        c.optional("PlanMB", c.amount(10)),
        c.required("ServiceProviderId", c.INT, "dbo.ServiceProvider.id"),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        *c.audit(),
    )


def customer_rate_pool() -> None:
    c.create_table(
        "dbo.CustomerRatePool",
        c.numbered(c.INT),
        c.required("Name", c.text(200)),
        c.required("ServiceProviderId", c.INT, "dbo.ServiceProvider.id"),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        *c.audit(),
    )


def carrier_rate_plan() -> None:
    c.create_table(
        "dbo.CarrierRatePlan",
        c.numbered(c.INT),
        c.required("RatePlanCode", c.text(50)),
        c.optional("FriendlyName", c.text(200)),
        c.required("ServiceProviderId", c.INT, "dbo.ServiceProvider.id"),
        *c.flag("IsRetired", default=0),
        *c.audit(),
        c.unique("RatePlanCode", "ServiceProviderId"),
    )


def for_sale() -> None:
    for name in (
        "dbo.RevServiceType",
        "dbo.RevProvider",
        "dbo.RevPackage",
        "dbo.RevProduct",
        "dbo.RevUsagePlanGroup",
    ):
        c.create_table(
            name,
            c.numbered(c.INT),
            c.required("RevId", c.INT),
            c.optional("Description", c.text(500)),
            c.required("IntegrationAuthenticationId", c.INT, "dbo.Integration_Authentication.id"),
            *c.audit(),
            c.unique("RevId", "IntegrationAuthenticationId"),
        )


TABLES = (
    rev_customer,
    portal_user_rev_customer,
    site,
    customer_rate_plan,
    customer_rate_pool,
    carrier_rate_plan,
    for_sale,
)

"""The portal's tenants, its users and their rights, service providers and Rev.io accounts."""

from device_association.installation.migrations.initial import columns as c


def tenant() -> None:
    c.create_table(
        "dbo.Tenant",
        c.numbered(c.INT),
        c.required("Name", c.text(200)),
        c.optional("ParentTenantId", c.INT, "dbo.Tenant.id"),
        c.optional("TimeZone", c.text(64)),
        *c.audit(),
    )


def portal_user() -> None:
    c.create_table(
        "dbo.PortalUser",
        c.numbered(c.INT),
        c.required("UserName", c.text(100)),
        c.unique("UserName"),
        c.optional("Email", c.text(200)),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        *c.audit(),
    )


def portal_user_permission() -> None:
    c.create_table(
        "dbo.PortalUserPermission",
        c.numbered(c.INT),
        c.required("UserId", c.INT, "dbo.PortalUser.id"),
        c.required("Module", c.text(50)),
        *c.flag("CanAccess", default=0),
        *c.flag("CanCreate", default=0),
        *c.flag("CanEdit", default=0),
        *c.audit(),
        c.unique("UserId", "Module"),
    )


def integration_authentication() -> None:
    c.create_table(
        "dbo.Integration_Authentication",
        c.numbered(c.INT),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        c.required("Name", c.text(200)),
        c.required("ConnectionId", c.text(250)),
        *c.audit(),
    )


def service_provider() -> None:
    c.create_table(
        "dbo.ServiceProvider",
        c.numbered(c.INT),
        c.required("Name", c.text(100)),
        c.optional("DisplayName", c.text(200)),
        c.required("IntegrationId", c.INT),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        *c.flag("WriteIsEnabled", default=1),
        *c.audit(),
    )


TABLES = (
    tenant,
    portal_user,
    portal_user_permission,
    integration_authentication,
    service_provider,
)

"""The portal's tenants, its users and their rights, service providers and Rev.io accounts."""

from __future__ import annotations

from device_association.database.tables.columns import (
    INT,
    audit,
    flag,
    numbered,
    optional,
    required,
    table,
    text,
    unique,
)

tenant = table(
    "dbo.Tenant",
    numbered(INT),
    required("Name", text(200)),
    optional("ParentTenantId", INT, "dbo.Tenant.id"),
    optional("TimeZone", text(64)),
    *audit(),
)


portal_user = table(
    "dbo.PortalUser",
    numbered(INT),
    required("UserName", text(100)),
    unique("UserName"),
    optional("Email", text(200)),
    required("TenantId", INT, "dbo.Tenant.id"),
    *audit(),
)


portal_user_permission = table(
    "dbo.PortalUserPermission",
    numbered(INT),
    required("UserId", INT, "dbo.PortalUser.id"),
    required("Module", text(50)),
    *flag("CanAccess", default=0),
    *flag("CanCreate", default=0),
    *flag("CanEdit", default=0),
    *audit(),
    unique("UserId", "Module"),
)


integration_authentication = table(
    "dbo.Integration_Authentication",
    numbered(INT),
    required("TenantId", INT, "dbo.Tenant.id"),
    required("Name", text(200)),
    required("ConnectionId", text(250)),
    *audit(),
)


service_provider = table(
    "dbo.ServiceProvider",
    numbered(INT),
    required("Name", text(100)),
    optional("DisplayName", text(200)),
    required("IntegrationId", INT),
    required("TenantId", INT, "dbo.Tenant.id"),
    *flag("WriteIsEnabled", default=1),
    *audit(),
)

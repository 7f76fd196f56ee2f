"""The portal's devices, their statuses, the billing mirror, and who has a device: Device_Tenant is the association."""

from device_association.installation.migrations.initial import columns as c

DIGITS_OF_A_SIM = (
    "(CASE WHEN {0} ~ '[^0-9]' THEN SUBSTRING("
    "TRANSLATE({0}, U&' -\\0009\\000A\\000B\\000C\\000D\\00A0', '') FROM '^([0-9]+)[Ff]?$') END)"
)
DIGITS_OF_A_NUMBER = "(CASE WHEN Number ~ '[^0-9]' THEN REGEXP_REPLACE(Number, '[^0-9]', '', 'g') END)"


def device_status() -> None:
    c.create_table(
        "dbo.DeviceStatus",
        c.numbered(c.INT),
        c.required("Status", c.text(50)),
        c.optional("DisplayName", c.text(100)),
        c.required("IntegrationId", c.INT),
        *c.flag("IsActiveStatus", default=0),
        *c.flag("AllowsCustomerAssignment", default=0),
        *c.audit(),
        c.unique("Status", "IntegrationId"),
    )


def device() -> None:
    c.create_table(
        "dbo.Device",
        c.numbered(c.INT),
        c.required("ServiceProviderId", c.INT, "dbo.ServiceProvider.id"),
        c.required("ICCID", c.text(50)),
        c.optional("MSISDN", c.text(50)),
        c.optional("IMSI", c.text(50)),
        c.optional("IMEI", c.text(150)),
        c.optional("EID", c.text(50)),
        c.optional("DeviceStatusId", c.INT, "dbo.DeviceStatus.id"),
        c.optional("CarrierRatePlanId", c.INT, "dbo.CarrierRatePlan.id"),
        c.optional("CommPlan", c.text(100)),
        c.optional("DateActivated", c.INSTANT),
        c.optional("LastUsageDate", c.INSTANT),
        c.optional("Username", c.text(200)),
        *c.audit(),
    )
    c.create_index(
        "ux_device_iccid",
        "dbo.Device",
        "ServiceProviderId",
        "ICCID",
        is_unique=True,
        where="IsDeleted = 0",
        only=c.POSTGRESQL,
    )
    c.create_index("ix_device_iccid", "dbo.Device", "ServiceProviderId", "ICCID", only=c.SQL_SERVER)


def rev_service() -> None:
    c.create_table(
        "dbo.RevService",
        c.numbered(c.INT),
        c.required("RevServiceId", c.INT),
        c.optional("RevCustomerId", c.GUID, "dbo.RevCustomer.id"),
        c.optional("Number", c.text(255)),
        c.optional("Number2", c.text(255)),
        c.optional("ActivatedDate", c.INSTANT),
        c.optional("DisconnectedDate", c.INSTANT),
        c.required("IntegrationAuthenticationId", c.INT, "dbo.Integration_Authentication.id"),
        c.optional("RevServiceTypeId", c.INT),
        c.optional("RevProviderId", c.INT),
        c.optional("RevUsagePlanGroupId", c.INT),
        c.optional("Description", c.text(1000)),
        *c.audit(),
        c.unique("RevServiceId", "IntegrationAuthenticationId"),
    )
    c.create_index("ix_revservice_customer", "dbo.RevService", "RevCustomerId")
    c.create_index("ix_revservice_number", "dbo.RevService", "Number")
    c.create_index("ix_revservice_number2", "dbo.RevService", "Number2")
    c.create_index(
        "ix_revservice_spelled_number2", "dbo.RevService", DIGITS_OF_A_SIM.format("Number2"), only=c.POSTGRESQL
    )
    c.create_index("ix_revservice_spelled_sim", "dbo.RevService", DIGITS_OF_A_SIM.format("Number"), only=c.POSTGRESQL)
    c.create_index("ix_revservice_spelled_number", "dbo.RevService", DIGITS_OF_A_NUMBER, only=c.POSTGRESQL)


def rev_service_product() -> None:
    c.create_table(
        "dbo.RevServiceProduct",
        c.numbered(c.INT),
        c.required("ServiceProductId", c.INT),
        c.required("ServiceId", c.INT),
        c.optional("ProductId", c.INT),
        c.optional("PackageId", c.INT),
        c.optional("Rate", c.amount()),
        c.optional("Quantity", c.amount()),
        c.optional("Status", c.text(50)),
        c.required("IntegrationAuthenticationId", c.INT, "dbo.Integration_Authentication.id"),
        *c.audit(),
        c.unique("ServiceProductId", "IntegrationAuthenticationId"),
    )


def device_tenant() -> None:
    c.create_table(
        "dbo.Device_Tenant",
        c.numbered(c.INT),
        c.required("DeviceId", c.INT, "dbo.Device.id"),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        c.optional("SiteId", c.INT, "dbo.Site.id"),
        c.optional("AccountNumber", c.text(50)),
        c.optional("AccountNumberIntegrationAuthenticationId", c.INT, "dbo.Integration_Authentication.id"),
        c.optional("RevServiceId", c.INT, "dbo.RevService.id"),
        c.optional("CustomerRatePlanId", c.INT, "dbo.CustomerRatePlan.id"),
        c.optional("CustomerRatePoolId", c.INT, "dbo.CustomerRatePool.id"),
        c.optional("CustomerDataAllocationMB", c.amount()),
        *c.audit(),
        c.unique("DeviceId", "TenantId"),
    )
    c.create_index("ix_device_tenant_tenant", "dbo.Device_Tenant", "TenantId")


def device_status_history() -> None:
    c.create_table(
        "dbo.DeviceStatusHistory",
        c.numbered(c.BIGINT),
        c.required("ICCID", c.text(50)),
        c.required("CurrentStatus", c.text(50)),
        c.optional("PreviousStatus", c.text(50)),
        c.required("DateOfChange", c.INSTANT),
        *c.audit(),
    )
    c.create_index("ix_devicestatushistory_iccid", "dbo.DeviceStatusHistory", "ICCID")


TABLES = (
    device_status,
    device,
    rev_service,
    rev_service_product,
    device_tenant,
    device_status_history,
)

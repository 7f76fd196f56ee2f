"""The portal's devices, their statuses, the billing mirror, and who has a device: Device_Tenant is the association."""

from __future__ import annotations

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.tables.columns import (
    BIGINT,
    GUID,
    INSTANT,
    INT,
    amount,
    audit,
    flag,
    index,
    numbered,
    optional,
    required,
    table,
    text,
    unique,
)

DIGITS_OF_A_SIM = (
    "(CASE WHEN {0} ~ '[^0-9]' THEN SUBSTRING("
    "TRANSLATE({0}, U&' -\\0009\\000A\\000B\\000C\\000D\\00A0', '') FROM '^([0-9]+)[Ff]?$') END)"
)
DIGITS_OF_A_NUMBER = "(CASE WHEN Number ~ '[^0-9]' THEN REGEXP_REPLACE(Number, '[^0-9]', '', 'g') END)"
"""The digits of numbers that have anything else in them, else nothing: the expressions of the view line_key."""

# Devices, their statuses, and who has them: Device_Tenant is the association.
device_status = table(
    "dbo.DeviceStatus",
    numbered(INT),
    required("Status", text(50)),
    optional("DisplayName", text(100)),
    required("IntegrationId", INT),
    *flag("IsActiveStatus", default=0),
    *flag("AllowsCustomerAssignment", default=0),
    *audit(),
    unique("Status", "IntegrationId"),
)


device = table(
    "dbo.Device",
    numbered(INT),
    required("ServiceProviderId", INT, "dbo.ServiceProvider.id"),
    required("ICCID", text(50)),
    optional("MSISDN", text(50)),
    optional("IMSI", text(50)),
    optional("IMEI", text(150)),
    optional("EID", text(50)),
    optional("DeviceStatusId", INT, "dbo.DeviceStatus.id"),
    optional("CarrierRatePlanId", INT, "dbo.CarrierRatePlan.id"),
    optional("CommPlan", text(100)),
    optional("DateActivated", INSTANT),
    optional("LastUsageDate", INSTANT),
    optional("Username", text(200)),
    *audit(),
    # One device per service provider and ICCID among the not deleted: as with ix_site_customer.
    index("ux_device_iccid", "ServiceProviderId", "ICCID", is_unique=True, where="IsDeleted = 0", only=POSTGRESQL),
    index("ix_device_iccid", "ServiceProviderId", "ICCID", only=SQL_SERVER),
)


# The billing mirror. RevServiceTypeId, RevProviderId and RevUsagePlanGroupId are the ids that Rev.io knows.
rev_service = table(
    "dbo.RevService",
    numbered(INT),
    required("RevServiceId", INT),
    optional("RevCustomerId", GUID, "dbo.RevCustomer.id"),
    optional("Number", text(255)),
    optional("Number2", text(255)),
    optional("ActivatedDate", INSTANT),
    optional("DisconnectedDate", INSTANT),
    required("IntegrationAuthenticationId", INT, "dbo.Integration_Authentication.id"),
    optional("RevServiceTypeId", INT),
    optional("RevProviderId", INT),
    optional("RevUsagePlanGroupId", INT),
    optional("Description", text(1000)),
    *audit(),
    unique("RevServiceId", "IntegrationAuthenticationId"),
    index("ix_revservice_customer", "RevCustomerId"),
    index("ix_revservice_number", "Number"),
    index("ix_revservice_number2", "Number2"),
    index("ix_revservice_spelled_number2", DIGITS_OF_A_SIM.format("Number2"), only=POSTGRESQL),
    index("ix_revservice_spelled_sim", DIGITS_OF_A_SIM.format("Number"), only=POSTGRESQL),
    index("ix_revservice_spelled_number", DIGITS_OF_A_NUMBER, only=POSTGRESQL),
)


rev_service_product = table(
    "dbo.RevServiceProduct",
    numbered(INT),
    required("ServiceProductId", INT),
    required("ServiceId", INT),
    optional("ProductId", INT),
    optional("PackageId", INT),
    optional("Rate", amount()),
    optional("Quantity", amount()),
    optional("Status", text(50)),
    required("IntegrationAuthenticationId", INT, "dbo.Integration_Authentication.id"),
    *audit(),
    unique("ServiceProductId", "IntegrationAuthenticationId"),
)


device_tenant = table(
    "dbo.Device_Tenant",
    numbered(INT),
    required("DeviceId", INT, "dbo.Device.id"),
    required("TenantId", INT, "dbo.Tenant.id"),
    optional("SiteId", INT, "dbo.Site.id"),
    optional("AccountNumber", text(50)),
    optional("AccountNumberIntegrationAuthenticationId", INT, "dbo.Integration_Authentication.id"),
    optional("RevServiceId", INT, "dbo.RevService.id"),
    optional("CustomerRatePlanId", INT, "dbo.CustomerRatePlan.id"),
    optional("CustomerRatePoolId", INT, "dbo.CustomerRatePool.id"),
    optional("CustomerDataAllocationMB", amount()),
    *audit(),
    unique("DeviceId", "TenantId"),
    index("ix_device_tenant_tenant", "TenantId"),
)


device_status_history = table(
    "dbo.DeviceStatusHistory",
    numbered(BIGINT),
    required("ICCID", text(50)),
    required("CurrentStatus", text(50)),
    optional("PreviousStatus", text(50)),
    required("DateOfChange", INSTANT),
    *audit(),
    index("ix_devicestatushistory_iccid", "ICCID"),
)

"""The portal's bulk changes, their rows and payloads, and the audit trail."""

from __future__ import annotations

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.tables.columns import (
    BIGINT,
    INSTANT,
    INT,
    LONG_TEXT,
    amount,
    audit,
    check,
    flag,
    foreign_key,
    index,
    numbered,
    one_of,
    optional,
    required,
    table,
    text,
    unique,
)

# Bulk changes, their rows and payloads, and the audit trail.
device_bulk_change = table(
    "dbo.DeviceBulkChange",
    numbered(BIGINT),
    required("ChangeRequestTypeId", INT),
    required("ServiceProviderId", INT, "dbo.ServiceProvider.id"),
    required("TenantId", INT, "dbo.Tenant.id"),
    optional("SiteId", INT, "dbo.Site.id"),
    required("Status", text(50)),
    one_of("Status", "NEW", "PENDING_APPROVAL", "PROCESSING", "PROCESSED", "PARTIALLY_PROCESSED", "ERROR", "CANCELED"),
    optional("ProcessedBy", text(100)),
    optional("ProcessedDate", INSTANT),
    optional("StatusDetails", LONG_TEXT),
    *audit(),
    check("(Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')) OR ProcessedDate IS NOT NULL"),
    index("ix_devicebulkchange_status", "Status"),
)


device_change_request = table(
    "dbo.DeviceChangeRequest",
    numbered(BIGINT),
    required("ChangeRequest", LONG_TEXT),
    *audit(),
)


# Change and payload are written in the rows' own transaction. PostgreSQL would look each up row by row, which takes a
# quarter of the time of a request; SQL Server, where the twin has both keys, does so for all rows at once.
m2m_device_change = table(
    "dbo.M2M_DeviceChange",
    numbered(BIGINT),
    required("BulkChangeId", BIGINT),
    optional("DeviceChangeRequestId", BIGINT),
    optional("DeviceId", INT, "dbo.Device.id"),
    required("ICCID", text(50)),
    optional("MSISDN", text(50)),
    required("Status", text(50)),
    one_of("Status", "NEW", "PROCESSING", "PROCESSED", "ERROR", "API_FAILED", "CANCELED"),
    optional("ErrorCode", text(50)),
    optional("StatusDetails", LONG_TEXT),
    *flag("IsProcessed", default=0),
    *flag("HasErrors", default=0),
    optional("ProcessedBy", text(100)),
    optional("ProcessedDate", INSTANT),
    *audit(),
    unique("BulkChangeId", "ICCID"),
    foreign_key(["BulkChangeId"], ["dbo.DeviceBulkChange.id"], only=SQL_SERVER),
    foreign_key(["DeviceChangeRequestId"], ["dbo.DeviceChangeRequest.id"], only=SQL_SERVER),
    check("IsProcessed = CASE WHEN Status IN ('PROCESSED', 'ERROR', 'API_FAILED', 'CANCELED') THEN 1 ELSE 0 END"),
    check("HasErrors = CASE WHEN Status IN ('ERROR', 'API_FAILED') THEN 1 ELSE 0 END"),
    index("ix_m2m_devicechange_status", "BulkChangeId", "Status", "id"),
    # The id is behind: batches are ranges of ids. SQL Server has it there by itself.
    index("ix_m2m_devicechange_processed", "BulkChangeId", "IsProcessed", "id", only=POSTGRESQL),
    index("ix_m2m_devicechange_processed", "BulkChangeId", "IsProcessed", only=SQL_SERVER),
    index("ix_m2m_devicechange_device", "DeviceId"),
)


# The three tables that tell what happened (this log, DeviceActionHistory, CrossProviderDeviceHistory) outlive what they
# tell of, and are written up to ten rows a device: they reference nothing.
device_bulk_change_log = table(
    "dbo.DeviceBulkChangeLog",
    numbered(BIGINT),
    required("BulkChangeId", BIGINT),
    optional("M2MDeviceChangeId", BIGINT),
    required("LogEntryDescription", text(500)),
    optional("RequestText", LONG_TEXT),
    optional("ResponseText", LONG_TEXT),
    optional("ErrorText", LONG_TEXT),
    optional("ResponseStatus", text(50)),
    one_of("ResponseStatus", "PROCESSED", "ERROR"),
    *flag("HasErrors", default=0),
    optional("ProcessedBy", text(100)),
    optional("ProcessedDate", INSTANT),
    *audit(),
    # The id is behind: pages begin at one. SQL Server has it there by itself.
    index("ix_devicebulkchangelog_change", "BulkChangeId", "id", only=POSTGRESQL),
    index("ix_devicebulkchangelog_change", "BulkChangeId", only=SQL_SERVER),
    index("ix_devicebulkchangelog_row", "M2MDeviceChangeId"),
)


device_action_history = table(
    "dbo.DeviceActionHistory",
    numbered(BIGINT),
    optional("ServiceProviderId", INT),
    optional("M2MDeviceId", INT),
    optional("BulkChangeId", BIGINT),
    optional("ICCID", text(50)),
    optional("MSISDN", text(50)),
    required("ChangedField", text(100)),
    optional("PreviousValue", LONG_TEXT),
    optional("CurrentValue", LONG_TEXT),
    optional("ChangeEventType", text(100)),
    required("DateOfChange", INSTANT),
    optional("ChangedBy", text(100)),
    optional("CustomerAccountName", text(200)),
    optional("CustomerAccountNumber", text(50)),
    optional("TenantId", INT),
    *audit(),
    index("ix_deviceactionhistory_change", "BulkChangeId", "M2MDeviceId"),
    index("ix_deviceactionhistory_iccid", "ICCID"),
)


customer_rate_plan_queue = table(
    "dbo.Device_CustomerRatePlanOrRatePool_Queue",
    numbered(BIGINT),
    required("DeviceId", INT, "dbo.Device.id"),
    optional("CustomerRatePlanId", INT),
    optional("CustomerRatePoolId", INT),
    optional("CustomerDataAllocationMB", amount()),
    required("EffectiveDate", INSTANT),
    required("PortalType", INT, default="0"),
    required("TenantId", INT, "dbo.Tenant.id"),
    optional("BulkChangeId", BIGINT, "dbo.DeviceBulkChange.id"),
    optional("ProcessedDate", INSTANT),
    *audit(),
    index("ix_rate_plan_queue_device", "DeviceId"),
    index("ix_rate_plan_queue_due", "ProcessedDate", "EffectiveDate"),
)


# One open row per device and tenant: the unique key takes nulls as equal.
cross_provider_device_history = table(
    "dbo.CrossProviderDeviceHistory",
    numbered(BIGINT),
    required("DeviceId", INT),
    required("TenantId", INT),
    optional("ServiceProviderId", INT),
    optional("ICCID", text(50)),
    optional("MSISDN", text(50)),
    optional("SiteId", INT),
    optional("AccountNumber", text(50)),
    optional("CustomerRatePlanId", INT),
    optional("CustomerRatePoolId", INT),
    optional("CustomerDataAllocationMB", amount()),
    required("EffectiveFrom", INSTANT),
    optional("EffectiveTo", INSTANT),
    *audit(),
    unique("DeviceId", "TenantId", "EffectiveTo", nulls_are_equal=True),
    check("EffectiveTo >= EffectiveFrom"),
)

"""The portal's bulk changes, their rows and payloads, and the audit trail."""

from device_association.installation.migrations.initial import columns as c


def device_bulk_change() -> None:
    c.create_table(
        "dbo.DeviceBulkChange",
        c.numbered(c.BIGINT),
        c.required("ChangeRequestTypeId", c.INT),
        c.required("ServiceProviderId", c.INT, "dbo.ServiceProvider.id"),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        c.optional("SiteId", c.INT, "dbo.Site.id"),
        c.required("Status", c.text(50)),
        c.one_of(
            "Status", "NEW", "PENDING_APPROVAL", "PROCESSING", "PROCESSED", "PARTIALLY_PROCESSED", "ERROR", "CANCELED"
        ),
        c.optional("ProcessedBy", c.text(100)),
        c.optional("ProcessedDate", c.INSTANT),
        c.optional("StatusDetails", c.LONG_TEXT),
        *c.audit(),
        c.check("(Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')) OR ProcessedDate IS NOT NULL"),
    )
    c.create_index("ix_devicebulkchange_status", "dbo.DeviceBulkChange", "Status")


def device_change_request() -> None:
    c.create_table(
        "dbo.DeviceChangeRequest",
        c.numbered(c.BIGINT),
        c.required("ChangeRequest", c.LONG_TEXT),
        *c.audit(),
    )


def m2m_device_change() -> None:
    c.create_table(
        "dbo.M2M_DeviceChange",
        c.numbered(c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.optional("DeviceChangeRequestId", c.BIGINT),
        c.optional("DeviceId", c.INT, "dbo.Device.id"),
        c.required("ICCID", c.text(50)),
        c.optional("MSISDN", c.text(50)),
        c.required("Status", c.text(50)),
        c.one_of("Status", "NEW", "PROCESSING", "PROCESSED", "ERROR", "API_FAILED", "CANCELED"),
        c.optional("ErrorCode", c.text(50)),
        c.optional("StatusDetails", c.LONG_TEXT),
        *c.flag("IsProcessed", default=0),
        *c.flag("HasErrors", default=0),
        c.optional("ProcessedBy", c.text(100)),
        c.optional("ProcessedDate", c.INSTANT),
        *c.audit(),
        c.unique("BulkChangeId", "ICCID"),
        c.foreign_key(["BulkChangeId"], ["dbo.DeviceBulkChange.id"], only=c.SQL_SERVER),
        c.foreign_key(["DeviceChangeRequestId"], ["dbo.DeviceChangeRequest.id"], only=c.SQL_SERVER),
        c.check("IsProcessed = CASE WHEN Status IN ('PROCESSED', 'ERROR', 'API_FAILED', 'CANCELED') THEN 1 ELSE 0 END"),
        c.check("HasErrors = CASE WHEN Status IN ('ERROR', 'API_FAILED') THEN 1 ELSE 0 END"),
    )
    c.create_index("ix_m2m_devicechange_status", "dbo.M2M_DeviceChange", "BulkChangeId", "Status", "id")
    c.create_index(
        "ix_m2m_devicechange_processed", "dbo.M2M_DeviceChange", "BulkChangeId", "IsProcessed", "id", only=c.POSTGRESQL
    )
    c.create_index(
        "ix_m2m_devicechange_processed", "dbo.M2M_DeviceChange", "BulkChangeId", "IsProcessed", only=c.SQL_SERVER
    )
    c.create_index("ix_m2m_devicechange_device", "dbo.M2M_DeviceChange", "DeviceId")


def device_bulk_change_log() -> None:
    c.create_table(
        "dbo.DeviceBulkChangeLog",
        c.numbered(c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.optional("M2MDeviceChangeId", c.BIGINT),
        c.required("LogEntryDescription", c.text(500)),
        c.optional("RequestText", c.LONG_TEXT),
        c.optional("ResponseText", c.LONG_TEXT),
        c.optional("ErrorText", c.LONG_TEXT),
        c.optional("ResponseStatus", c.text(50)),
        c.one_of("ResponseStatus", "PROCESSED", "ERROR"),
        *c.flag("HasErrors", default=0),
        c.optional("ProcessedBy", c.text(100)),
        c.optional("ProcessedDate", c.INSTANT),
        *c.audit(),
    )
    c.create_index("ix_devicebulkchangelog_change", "dbo.DeviceBulkChangeLog", "BulkChangeId", "id", only=c.POSTGRESQL)
    c.create_index("ix_devicebulkchangelog_change", "dbo.DeviceBulkChangeLog", "BulkChangeId", only=c.SQL_SERVER)
    c.create_index("ix_devicebulkchangelog_row", "dbo.DeviceBulkChangeLog", "M2MDeviceChangeId")


def device_action_history() -> None:
    c.create_table(
        "dbo.DeviceActionHistory",
        c.numbered(c.BIGINT),
        c.optional("ServiceProviderId", c.INT),
        c.optional("M2MDeviceId", c.INT),
        c.optional("BulkChangeId", c.BIGINT),
        c.optional("ICCID", c.text(50)),
        c.optional("MSISDN", c.text(50)),
        c.required("ChangedField", c.text(100)),
        c.optional("PreviousValue", c.LONG_TEXT),
        c.optional("CurrentValue", c.LONG_TEXT),
        c.optional("ChangeEventType", c.text(100)),
        c.required("DateOfChange", c.INSTANT),
        c.optional("ChangedBy", c.text(100)),
        c.optional("CustomerAccountName", c.text(200)),
        c.optional("CustomerAccountNumber", c.text(50)),
        c.optional("TenantId", c.INT),
        *c.audit(),
    )
    c.create_index("ix_deviceactionhistory_change", "dbo.DeviceActionHistory", "BulkChangeId", "M2MDeviceId")
    c.create_index("ix_deviceactionhistory_iccid", "dbo.DeviceActionHistory", "ICCID")


def customer_rate_plan_queue() -> None:
    c.create_table(
        "dbo.Device_CustomerRatePlanOrRatePool_Queue",
        c.numbered(c.BIGINT),
        c.required("DeviceId", c.INT, "dbo.Device.id"),
        c.optional("CustomerRatePlanId", c.INT),
        c.optional("CustomerRatePoolId", c.INT),
        c.optional("CustomerDataAllocationMB", c.amount()),
        c.required("EffectiveDate", c.INSTANT),
        c.required("PortalType", c.INT, default="0"),
        c.required("TenantId", c.INT, "dbo.Tenant.id"),
        c.optional("BulkChangeId", c.BIGINT, "dbo.DeviceBulkChange.id"),
        c.optional("ProcessedDate", c.INSTANT),
        *c.audit(),
    )
    c.create_index("ix_rate_plan_queue_device", "dbo.Device_CustomerRatePlanOrRatePool_Queue", "DeviceId")
    c.create_index(
        "ix_rate_plan_queue_due", "dbo.Device_CustomerRatePlanOrRatePool_Queue", "ProcessedDate", "EffectiveDate"
    )


def cross_provider_device_history() -> None:
    c.create_table(
        "dbo.CrossProviderDeviceHistory",
        c.numbered(c.BIGINT),
        c.required("DeviceId", c.INT),
        c.required("TenantId", c.INT),
        c.optional("ServiceProviderId", c.INT),
        c.optional("ICCID", c.text(50)),
        c.optional("MSISDN", c.text(50)),
        c.optional("SiteId", c.INT),
        c.optional("AccountNumber", c.text(50)),
        c.optional("CustomerRatePlanId", c.INT),
        c.optional("CustomerRatePoolId", c.INT),
        c.optional("CustomerDataAllocationMB", c.amount()),
        c.required("EffectiveFrom", c.INSTANT),
        c.optional("EffectiveTo", c.INSTANT),
        *c.audit(),
        c.unique("DeviceId", "TenantId", "EffectiveTo", nulls_are_equal=True),
        c.check("EffectiveTo >= EffectiveFrom"),
    )


TABLES = (
    device_bulk_change,
    device_change_request,
    m2m_device_change,
    device_bulk_change_log,
    device_action_history,
    customer_rate_plan_queue,
    cross_provider_device_history,
)

-- Bulk changes, their rows and payloads, and the audit trail.
-- Alembic runs this once.
CREATE TABLE dbo.DeviceBulkChange (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ChangeRequestTypeId int NOT NULL,
    ServiceProviderId int NOT NULL REFERENCES dbo.ServiceProvider (id),
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    SiteId int NULL REFERENCES dbo.Site (id),
    Status nvarchar(50) NOT NULL CHECK (
        Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING', 'PROCESSED', 'PARTIALLY_PROCESSED', 'ERROR', 'CANCELED')
    ),
    ProcessedBy nvarchar(100) NULL,
    ProcessedDate datetime2(3) NULL,
    StatusDetails nvarchar(MAX) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    CHECK ((Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')) OR ProcessedDate IS NOT NULL)
);

CREATE INDEX ix_devicebulkchange_status ON dbo.DeviceBulkChange (Status);

CREATE TABLE dbo.DeviceChangeRequest (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ChangeRequest nvarchar(MAX) NOT NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.M2M_DeviceChange (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    BulkChangeId bigint NOT NULL REFERENCES dbo.DeviceBulkChange (id),
    DeviceChangeRequestId bigint NULL REFERENCES dbo.DeviceChangeRequest (id),
    DeviceId int NULL REFERENCES dbo.Device (id),
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    Status nvarchar(50) NOT NULL CHECK (
        Status IN ('NEW', 'PROCESSING', 'PROCESSED', 'ERROR', 'API_FAILED', 'CANCELED')
    ),
    ErrorCode nvarchar(50) NULL,
    StatusDetails nvarchar(MAX) NULL,
    IsProcessed bit NOT NULL DEFAULT 0,
    HasErrors bit NOT NULL DEFAULT 0,
    ProcessedBy nvarchar(100) NULL,
    ProcessedDate datetime2(3) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (BulkChangeId, ICCID),
    CHECK (IsProcessed = CASE WHEN Status IN ('PROCESSED', 'ERROR', 'API_FAILED', 'CANCELED') THEN 1 ELSE 0 END),
    CHECK (HasErrors = CASE WHEN Status IN ('ERROR', 'API_FAILED') THEN 1 ELSE 0 END)
);

CREATE INDEX ix_m2m_devicechange_status ON dbo.M2M_DeviceChange (BulkChangeId, Status, id);

CREATE INDEX ix_m2m_devicechange_processed ON dbo.M2M_DeviceChange (BulkChangeId, IsProcessed);

CREATE INDEX ix_m2m_devicechange_device ON dbo.M2M_DeviceChange (DeviceId);

-- The three tables that tell what happened (this log, DeviceActionHistory, CrossProviderDeviceHistory) outlive what they
-- tell of, and are written up to ten rows a device: they reference nothing.
CREATE TABLE dbo.DeviceBulkChangeLog (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    BulkChangeId bigint NOT NULL,
    M2MDeviceChangeId bigint NULL,
    LogEntryDescription nvarchar(500) NOT NULL,
    RequestText nvarchar(MAX) NULL,
    ResponseText nvarchar(MAX) NULL,
    ErrorText nvarchar(MAX) NULL,
    ResponseStatus nvarchar(50) NULL CHECK (ResponseStatus IN ('PROCESSED', 'ERROR')),
    HasErrors bit NOT NULL DEFAULT 0,
    ProcessedBy nvarchar(100) NULL,
    ProcessedDate datetime2(3) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE INDEX ix_devicebulkchangelog_change ON dbo.DeviceBulkChangeLog (BulkChangeId);

CREATE INDEX ix_devicebulkchangelog_row ON dbo.DeviceBulkChangeLog (M2MDeviceChangeId);

CREATE TABLE dbo.DeviceActionHistory (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ServiceProviderId int NULL,
    M2MDeviceId int NULL,
    BulkChangeId bigint NULL,
    ICCID nvarchar(50) NULL,
    MSISDN nvarchar(50) NULL,
    ChangedField nvarchar(100) NOT NULL,
    PreviousValue nvarchar(MAX) NULL,
    CurrentValue nvarchar(MAX) NULL,
    ChangeEventType nvarchar(100) NULL,
    DateOfChange datetime2(3) NOT NULL,
    ChangedBy nvarchar(100) NULL,
    CustomerAccountName nvarchar(200) NULL,
    CustomerAccountNumber nvarchar(50) NULL,
    TenantId int NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE INDEX ix_deviceactionhistory_change ON dbo.DeviceActionHistory (BulkChangeId, M2MDeviceId);

CREATE INDEX ix_deviceactionhistory_iccid ON dbo.DeviceActionHistory (ICCID);

CREATE TABLE dbo.Device_CustomerRatePlanOrRatePool_Queue (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL REFERENCES dbo.Device (id),
    CustomerRatePlanId int NULL,
    CustomerRatePoolId int NULL,
    CustomerDataAllocationMB decimal(25, 4) NULL,
    EffectiveDate datetime2(3) NOT NULL,
    PortalType int NOT NULL DEFAULT 0,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    BulkChangeId bigint NULL REFERENCES dbo.DeviceBulkChange (id),
    ProcessedDate datetime2(3) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE INDEX ix_rate_plan_queue_device ON dbo.Device_CustomerRatePlanOrRatePool_Queue (DeviceId);

CREATE INDEX ix_rate_plan_queue_due ON dbo.Device_CustomerRatePlanOrRatePool_Queue (ProcessedDate, EffectiveDate);

-- One open row per device and tenant: the unique key takes nulls as equal.
CREATE TABLE dbo.CrossProviderDeviceHistory (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    ServiceProviderId int NULL,
    ICCID nvarchar(50) NULL,
    MSISDN nvarchar(50) NULL,
    SiteId int NULL,
    AccountNumber nvarchar(50) NULL,
    CustomerRatePlanId int NULL,
    CustomerRatePoolId int NULL,
    CustomerDataAllocationMB decimal(25, 4) NULL,
    EffectiveFrom datetime2(3) NOT NULL,
    EffectiveTo datetime2(3) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (DeviceId, TenantId, EffectiveTo),
    CHECK (EffectiveTo >= EffectiveFrom)
);

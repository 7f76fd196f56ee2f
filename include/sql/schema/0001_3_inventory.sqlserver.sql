-- Devices, their statuses, and who has them: Device_Tenant is the association.
-- Alembic runs this once.
CREATE TABLE dbo.DeviceStatus (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Status nvarchar(50) NOT NULL,
    DisplayName nvarchar(100) NULL,
    IntegrationId int NOT NULL,
    IsActiveStatus bit NOT NULL DEFAULT 0,
    AllowsCustomerAssignment bit NOT NULL DEFAULT 0,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (Status, IntegrationId)
);

CREATE TABLE dbo.Device (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ServiceProviderId int NOT NULL REFERENCES dbo.ServiceProvider (id),
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    IMSI nvarchar(50) NULL,
    IMEI nvarchar(150) NULL,
    EID nvarchar(50) NULL,
    DeviceStatusId int NULL REFERENCES dbo.DeviceStatus (id),
    CarrierRatePlanId int NULL REFERENCES dbo.CarrierRatePlan (id),
    CommPlan nvarchar(100) NULL,
    DateActivated datetime2(3) NULL,
    LastUsageDate datetime2(3) NULL,
    Username nvarchar(200) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

-- One device per service provider and ICCID among the not deleted is the portal's to keep: see ix_site_customer.
CREATE INDEX ix_device_iccid ON dbo.Device (ServiceProviderId, ICCID);

-- The billing mirror. RevServiceTypeId, RevProviderId and RevUsagePlanGroupId are the ids that Rev.io knows.
CREATE TABLE dbo.RevService (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevServiceId int NOT NULL,
    RevCustomerId uniqueidentifier NULL REFERENCES dbo.RevCustomer (id),
    Number nvarchar(255) NULL,
    Number2 nvarchar(255) NULL,
    ActivatedDate datetime2(3) NULL,
    DisconnectedDate datetime2(3) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    RevServiceTypeId int NULL,
    RevProviderId int NULL,
    RevUsagePlanGroupId int NULL,
    Description nvarchar(1000) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevServiceId, IntegrationAuthenticationId)
);

CREATE INDEX ix_revservice_customer ON dbo.RevService (RevCustomerId);

CREATE INDEX ix_revservice_number ON dbo.RevService (Number);

CREATE INDEX ix_revservice_number2 ON dbo.RevService (Number2);

CREATE TABLE dbo.RevServiceProduct (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ServiceProductId int NOT NULL,
    ServiceId int NOT NULL,
    ProductId int NULL,
    PackageId int NULL,
    Rate decimal(25, 4) NULL,
    Quantity decimal(25, 4) NULL,
    Status nvarchar(50) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (ServiceProductId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.Device_Tenant (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL REFERENCES dbo.Device (id),
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    SiteId int NULL REFERENCES dbo.Site (id),
    AccountNumber nvarchar(50) NULL,
    AccountNumberIntegrationAuthenticationId int NULL REFERENCES dbo.Integration_Authentication (id),
    RevServiceId int NULL REFERENCES dbo.RevService (id),
    CustomerRatePlanId int NULL REFERENCES dbo.CustomerRatePlan (id),
    CustomerRatePoolId int NULL REFERENCES dbo.CustomerRatePool (id),
    CustomerDataAllocationMB decimal(25, 4) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (DeviceId, TenantId)
);

CREATE INDEX ix_device_tenant_tenant ON dbo.Device_Tenant (TenantId);

CREATE TABLE dbo.DeviceStatusHistory (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    ICCID nvarchar(50) NOT NULL,
    CurrentStatus nvarchar(50) NOT NULL,
    PreviousStatus nvarchar(50) NULL,
    DateOfChange datetime2(3) NOT NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE INDEX ix_devicestatushistory_iccid ON dbo.DeviceStatusHistory (ICCID);

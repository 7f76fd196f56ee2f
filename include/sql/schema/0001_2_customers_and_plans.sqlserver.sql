-- Rev customers, sites, rate plans and pools, and what Rev.io sells.
-- Alembic runs this once.
CREATE TABLE dbo.RevCustomer (
    id uniqueidentifier PRIMARY KEY,
    RevCustomerId nvarchar(50) NOT NULL,
    CustomerName nvarchar(200) NOT NULL,
    IntegrationAuthenticationId int NULL REFERENCES dbo.Integration_Authentication (id),
    Status nvarchar(50) NULL,
    CloseDate datetime2(3) NULL,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevCustomerId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.PortalUserRevCustomer (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    UserId int NOT NULL REFERENCES dbo.PortalUser (id),
    RevCustomerId uniqueidentifier NOT NULL REFERENCES dbo.RevCustomer (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (UserId, RevCustomerId)
);

CREATE TABLE dbo.Site (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    Name nvarchar(200) NOT NULL,
    RevCustomerId uniqueidentifier NULL REFERENCES dbo.RevCustomer (id),
    IsSystemDefault bit NOT NULL DEFAULT 0,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

-- One active site per tenant and customer is the portal's to keep: a filtered unique index would refuse the writers of its
-- tables that have QUOTED_IDENTIFIER off.
CREATE INDEX ix_site_customer ON dbo.Site (TenantId, RevCustomerId);

CREATE TABLE dbo.CustomerRatePlan (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RatePlanCode nvarchar(50) NOT NULL,
    RatePlanName nvarchar(200) NOT NULL,
    PlanMB decimal(25, 10) NULL,
    ServiceProviderId int NOT NULL REFERENCES dbo.ServiceProvider (id),
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.CustomerRatePool (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Name nvarchar(200) NOT NULL,
    ServiceProviderId int NOT NULL REFERENCES dbo.ServiceProvider (id),
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.CarrierRatePlan (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RatePlanCode nvarchar(50) NOT NULL,
    FriendlyName nvarchar(200) NULL,
    ServiceProviderId int NOT NULL REFERENCES dbo.ServiceProvider (id),
    IsRetired bit NOT NULL DEFAULT 0,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RatePlanCode, ServiceProviderId)
);

CREATE TABLE dbo.RevServiceType (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevId int NOT NULL,
    Description nvarchar(500) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.RevProvider (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevId int NOT NULL,
    Description nvarchar(500) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.RevPackage (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevId int NOT NULL,
    Description nvarchar(500) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.RevProduct (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevId int NOT NULL,
    Description nvarchar(500) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevId, IntegrationAuthenticationId)
);

CREATE TABLE dbo.RevUsagePlanGroup (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    RevId int NOT NULL,
    Description nvarchar(500) NULL,
    IntegrationAuthenticationId int NOT NULL REFERENCES dbo.Integration_Authentication (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (RevId, IntegrationAuthenticationId)
);

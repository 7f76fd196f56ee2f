-- Tenants, portal users and their rights, service providers, Rev.io accounts.
-- Alembic runs this once.
CREATE TABLE dbo.Tenant (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Name nvarchar(200) NOT NULL,
    ParentTenantId int NULL REFERENCES dbo.Tenant (id),
    TimeZone nvarchar(64) NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.PortalUser (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    UserName nvarchar(100) NOT NULL UNIQUE,
    Email nvarchar(200) NULL,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.PortalUserPermission (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    UserId int NOT NULL REFERENCES dbo.PortalUser (id),
    Module nvarchar(50) NOT NULL,
    CanAccess bit NOT NULL DEFAULT 0,
    CanCreate bit NOT NULL DEFAULT 0,
    CanEdit bit NOT NULL DEFAULT 0,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0,
    UNIQUE (UserId, Module)
);

CREATE TABLE dbo.Integration_Authentication (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    Name nvarchar(200) NOT NULL,
    ConnectionId nvarchar(250) NOT NULL,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

CREATE TABLE dbo.ServiceProvider (
    id int IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Name nvarchar(100) NOT NULL,
    DisplayName nvarchar(200) NULL,
    IntegrationId int NOT NULL,
    TenantId int NOT NULL REFERENCES dbo.Tenant (id),
    WriteIsEnabled bit NOT NULL DEFAULT 1,
    CreatedBy nvarchar(100) NOT NULL DEFAULT 'system',
    CreatedDate datetime2(3) NOT NULL DEFAULT SYSUTCDATETIME(),
    ModifiedBy nvarchar(100) NULL,
    ModifiedDate datetime2(3) NULL,
    IsActive bit NOT NULL DEFAULT 1,
    IsDeleted bit NOT NULL DEFAULT 0
);

-- Makes the portal's database and the login that the product uses; the tables are the schema job's.
-- Safe to run twice: what exists is kept, and the login takes the password that .env names now.
IF DB_ID(N'portal') IS NULL CREATE DATABASE portal;
GO
IF SUSER_ID(N'device_association') IS NULL
    CREATE LOGIN device_association WITH PASSWORD = N'$(PORTAL_PASSWORD)', DEFAULT_DATABASE = portal;
ELSE
    ALTER LOGIN device_association WITH PASSWORD = N'$(PORTAL_PASSWORD)';
GO
USE portal;
GO
IF USER_ID(N'device_association') IS NULL CREATE USER device_association FOR LOGIN device_association;
ALTER ROLE db_owner ADD MEMBER device_association;
GO

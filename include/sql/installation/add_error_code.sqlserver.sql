-- Adds the one column of ours in a table of the portal: why a device was refused. Rows that are there keep NULL.
-- Safe to run twice: a column that is there stays as it is.
IF COL_LENGTH('dbo.M2M_DeviceChange', 'ErrorCode') IS NULL
    ALTER TABLE dbo.M2M_DeviceChange ADD ErrorCode nvarchar(50) NULL;

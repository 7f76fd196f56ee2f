-- Adds the one column of ours in a table of the portal: why a device was refused. Rows that are there keep NULL.
-- Safe to run twice: a column that is there stays as it is.
ALTER TABLE dbo.M2M_DeviceChange ADD COLUMN IF NOT EXISTS ErrorCode varchar(50) NULL

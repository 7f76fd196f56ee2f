-- Marks one change row processed, or failed at Rev.io, with its details.
-- Safe to run twice: a row that is final is never overwritten.
CREATE OR REPLACE PROCEDURE dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange(
    changeId bigint, apiCallResult smallint, statusDetails text
)
LANGUAGE sql
AS $$
-- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
UPDATE dbo.M2M_DeviceChange AS m
SET
    Status = CASE WHEN apiCallResult = 1 THEN 'PROCESSED' ELSE 'API_FAILED' END,
    StatusDetails = usp_DeviceBulkChange_RevService_UpdateM2MChange.statusDetails,
    IsProcessed = 1,
    HasErrors = CASE WHEN apiCallResult = 1 THEN 0 ELSE 1 END,
    ProcessedBy = 'usp_DeviceBulkChange_RevService_UpdateM2MChange',
    ProcessedDate = CURRENT_TIMESTAMP,
    ModifiedDate = CURRENT_TIMESTAMP
WHERE m.id = changeId AND m.IsProcessed = 0;
$$;

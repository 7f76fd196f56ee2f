-- Marks one change row processed, or failed at Rev.io, with its details.
-- Safe to run twice: a row that is final is never overwritten.
IF OBJECT_ID('dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange', 'P') IS NOT NULL
    DROP PROCEDURE dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange;
GO
CREATE PROCEDURE dbo.usp_DeviceBulkChange_RevService_UpdateM2MChange
    @ChangeId bigint,
    @apiCallResult bit,
    @statusDetails nvarchar(MAX)
AS
BEGIN
    -- Installed by device_association, which renews it; without this line it is the portal's and is left alone.
    SET NOCOUNT ON;
    UPDATE dbo.M2M_DeviceChange
    SET
        Status = CASE WHEN @apiCallResult = 1 THEN 'PROCESSED' ELSE 'API_FAILED' END,
        StatusDetails = @statusDetails,
        IsProcessed = 1,
        HasErrors = CASE WHEN @apiCallResult = 1 THEN 0 ELSE 1 END,
        ProcessedBy = 'usp_DeviceBulkChange_RevService_UpdateM2MChange',
        ProcessedDate = SYSUTCDATETIME(),
        ModifiedDate = SYSUTCDATETIME()
    WHERE id = @ChangeId AND IsProcessed = 0;
END;

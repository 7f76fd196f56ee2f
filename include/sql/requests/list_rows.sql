-- The rows of a change as a person sees them.
-- Safe to run twice: reads only.
SELECT m.id AS row_id, m.ICCID AS iccid, m.Status AS status, m.ErrorCode AS error_code, m.StatusDetails AS details
FROM dbo.M2M_DeviceChange AS m
WHERE m.BulkChangeId = :bulk_change_id AND m.IsDeleted = 0
ORDER BY m.id

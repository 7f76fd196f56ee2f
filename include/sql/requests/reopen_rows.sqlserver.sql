-- Opens the failed and the not attempted devices of an ended change again, all, or those with the given codes or ids.
-- Safe to run twice: an open row is not touched.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'NEW', ErrorCode = NULL, StatusDetails = NULL, IsProcessed = 0, HasErrors = 0,
    ProcessedBy = NULL, ProcessedDate = NULL, ModifiedBy = :actor, ModifiedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND id BETWEEN :first_row_id AND :last_row_id
    AND IsDeleted = 0
    AND Status IN ('ERROR', 'API_FAILED', 'CANCELED')
    AND (
        :codes IS NULL
        OR ErrorCode IN (SELECT i.[value] FROM OPENJSON(:codes) AS i)
    )
    AND (
        :row_ids IS NULL
        OR id IN (SELECT CAST(i.[value] AS bigint) FROM OPENJSON(:row_ids) AS i)
    );

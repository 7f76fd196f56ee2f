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
        OR ErrorCode IN (
            SELECT i.code FROM JSONB_ARRAY_ELEMENTS_TEXT(CAST(:codes AS jsonb)) AS i (code)
        )
    )
    AND (
        :row_ids IS NULL
        OR id IN (
            SELECT CAST(i.row_id AS bigint) FROM JSONB_ARRAY_ELEMENTS_TEXT(CAST(:row_ids AS jsonb)) AS i (row_id)
        )
    )

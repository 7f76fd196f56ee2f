-- Claims a bulk change for a run: what is NEW and free, the run's own, or what the given dead run held.
-- Safe to run twice: the run's own claim is taken again. One row is a win.
UPDATE device_association.change_state SET ClaimRunId = :run_id, ClaimedDate = :now
WHERE
    BulkChangeId = :bulk_change_id
    AND RetryNumber = :retry_number
    AND (ClaimRunId IS NULL OR ClaimRunId = :run_id OR ClaimRunId = :dead_run_id)
    AND EXISTS (
        SELECT 1 FROM dbo.DeviceBulkChange AS c
        WHERE
            c.id = :bulk_change_id
            AND c.IsDeleted = 0
            AND (c.Status = 'NEW' OR (c.Status = 'PROCESSING' AND ClaimRunId IS NOT NULL))
    )

-- Deletes what was sent for changes that are gone or ended long ago, so many at most.
-- Safe to run twice: what is owed, and what is of an open change or one ended lately, stays.
DELETE FROM device_association.outbox
WHERE
    id IN (
        SELECT x.id FROM device_association.outbox AS x
        WHERE
            x.SentDate < :ended_before
            AND NOT EXISTS (
                SELECT 1 FROM dbo.DeviceBulkChange AS c
                WHERE
                    c.id = x.BulkChangeId
                    AND (
                        c.Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')
                        OR c.ProcessedDate IS NULL
                        OR c.ProcessedDate >= :ended_before
                    )
            )
        ORDER BY x.id OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
    )

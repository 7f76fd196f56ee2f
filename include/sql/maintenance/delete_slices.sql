-- Deletes the slices of changes that are gone or ended long ago, so many at most.
-- Safe to run twice: what is open or ended lately stays.
DELETE FROM device_association.rev_service_slice
WHERE
    EXISTS (
        SELECT 1
        FROM (
            SELECT x.BulkChangeId, x.RetryNumber, x.SliceNumber
            FROM device_association.rev_service_slice AS x
            WHERE
                NOT EXISTS (
                    SELECT 1 FROM dbo.DeviceBulkChange AS c
                    WHERE
                        c.id = x.BulkChangeId
                        AND (
                            c.Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')
                            OR c.ProcessedDate IS NULL
                            OR c.ProcessedDate >= :ended_before
                        )
                )
            ORDER BY x.BulkChangeId, x.RetryNumber, x.SliceNumber OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
        ) AS old
        WHERE
            old.BulkChangeId = device_association.rev_service_slice.BulkChangeId
            AND old.RetryNumber = device_association.rev_service_slice.RetryNumber
            AND old.SliceNumber = device_association.rev_service_slice.SliceNumber
    )

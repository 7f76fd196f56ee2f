-- Deletes the steps of changes that are gone or ended long ago, so many at most.
-- Safe to run twice: what is open or ended lately stays.
DELETE FROM device_association.change_step
WHERE
    EXISTS (
        SELECT 1
        FROM (
            SELECT x.BulkChangeId, x.RetryNumber, x.Step
            FROM device_association.change_step AS x
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
            ORDER BY x.BulkChangeId, x.RetryNumber, x.Step OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
        ) AS old
        WHERE
            old.BulkChangeId = device_association.change_step.BulkChangeId
            AND old.RetryNumber = device_association.change_step.RetryNumber
            AND old.Step = device_association.change_step.Step
    )

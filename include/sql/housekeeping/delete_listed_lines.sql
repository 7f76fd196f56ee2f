-- Deletes the lines that Rev.io listed for retries of changes that are gone or ended long ago, so many at most.
-- Safe to run twice: what is open or ended lately stays.
DELETE FROM device_association.listed_line
WHERE
    EXISTS (
        SELECT 1
        FROM (
            SELECT x.BulkChangeId, x.RetryNumber, x.RevServiceId
            FROM device_association.listed_line AS x
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
            ORDER BY x.BulkChangeId, x.RetryNumber, x.RevServiceId OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
        ) AS old
        WHERE
            old.BulkChangeId = device_association.listed_line.BulkChangeId
            AND old.RetryNumber = device_association.listed_line.RetryNumber
            AND old.RevServiceId = device_association.listed_line.RevServiceId
    )

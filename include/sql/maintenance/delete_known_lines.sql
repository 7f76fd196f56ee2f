-- Deletes what Rev.io showed for intents of changes that are gone or ended long ago, so many rows at most.
-- Safe to run twice: what is open or ended lately stays.
DELETE FROM device_association.known_line
WHERE
    EXISTS (
        SELECT 1
        FROM (
            SELECT x.IntentId, x.LineKey
            FROM device_association.known_line AS x
            LEFT JOIN device_association.line_intent AS i ON x.IntentId = i.id
            WHERE
                NOT EXISTS (
                    SELECT 1 FROM dbo.DeviceBulkChange AS c
                    WHERE
                        c.id = i.BulkChangeId
                        AND (
                            c.Status IN ('NEW', 'PENDING_APPROVAL', 'PROCESSING')
                            OR c.ProcessedDate IS NULL
                            OR c.ProcessedDate >= :ended_before
                        )
                )
            ORDER BY x.IntentId, x.LineKey OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
        ) AS old
        WHERE
            old.IntentId = device_association.known_line.IntentId AND old.LineKey = device_association.known_line.LineKey
    )

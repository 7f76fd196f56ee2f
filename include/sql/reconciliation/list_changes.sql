-- A page of our ended changes, claimed by nobody, whose rows say something else: rows still open, another final status, or
-- other counts than were kept.
-- Safe to run twice: reads only.
SELECT
    f.bulk_change_id,
    f.tenant_id,
    f.status,
    f.retry_number,
    f.total,
    f.open_rows,
    f.wanted,
    f.counts_differ
FROM (
    SELECT
        c.id AS bulk_change_id,
        MIN(c.TenantId) AS tenant_id,
        MIN(c.Status) AS status,
        MIN(s.RetryNumber) AS retry_number,
        COUNT(m.id) AS total,
        COUNT(CASE WHEN m.IsProcessed = 0 THEN 1 END) AS open_rows,
        CASE
            WHEN COUNT(CASE WHEN m.Status = 'PROCESSED' THEN 1 END) = COUNT(m.id) THEN 'PROCESSED'
            WHEN MIN(c.Status) = 'CANCELED' OR MIN(x.Code) IS NOT NULL THEN 'CANCELED'
            WHEN COUNT(CASE WHEN m.Status = 'PROCESSED' THEN 1 END) > 0 THEN 'PARTIALLY_PROCESSED'
            ELSE 'ERROR'
        END AS wanted,
        CASE
            WHEN MIN(r.BulkChangeId) IS NULL THEN 0
            WHEN
                MIN(r.Processed) = COUNT(CASE WHEN m.Status = 'PROCESSED' THEN 1 END)
                AND MIN(r.Errors) = COUNT(CASE WHEN m.Status = 'ERROR' THEN 1 END)
                AND MIN(r.ApiFailed) = COUNT(CASE WHEN m.Status = 'API_FAILED' THEN 1 END)
                AND MIN(r.Canceled) = COUNT(CASE WHEN m.Status = 'CANCELED' THEN 1 END)
                THEN 0
            ELSE 1
        END AS counts_differ
    FROM dbo.DeviceBulkChange AS c
    INNER JOIN device_association.change_state AS s ON c.id = s.BulkChangeId AND s.ClaimRunId IS NULL
    INNER JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsDeleted = 0
    LEFT JOIN device_association.change_result AS r ON s.BulkChangeId = r.BulkChangeId AND s.RetryNumber = r.RetryNumber
    LEFT JOIN device_association.change_stop AS x
        ON s.BulkChangeId = x.BulkChangeId AND s.RetryNumber = x.RetryNumber AND x.Code = 'CANCELED_BY_USER'
    WHERE
        c.id > :after
        AND c.id = COALESCE(:bulk_change_id, c.id)
        AND c.ChangeRequestTypeId = 4
        AND c.IsDeleted = 0
        AND c.Status IN ('PROCESSED', 'PARTIALLY_PROCESSED', 'ERROR', 'CANCELED')
        AND (
            (c.CreatedDate >= :since AND c.CreatedDate < :until)
            OR (c.ModifiedDate >= :since AND c.ModifiedDate < :until)
            OR (c.ProcessedDate >= :since AND c.ProcessedDate < :until)
        )
        AND NOT EXISTS (
            SELECT 1 FROM device_association.line_intent AS i
            WHERE i.BulkChangeId = c.id AND i.State IN ('CALLING', 'UNKNOWN')
        )
    GROUP BY c.id
) AS f
WHERE f.open_rows > 0 OR f.status <> f.wanted OR f.counts_differ = 1
ORDER BY f.bulk_change_id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

-- How many devices of a change Rev.io refused in this retry, and from when on a change is to be stopped. All rows need not be
-- read for that.
-- Safe to run twice: reads only.
SELECT
    COALESCE(s.AbortPercent, :abort_percent) AS abort_percent,
    COALESCE(s.AbortSample, :abort_min_sample) AS abort_min_sample,
    (
        SELECT COUNT(*) FROM dbo.M2M_DeviceChange AS m
        WHERE
            m.BulkChangeId = s.BulkChangeId
            AND m.Status = 'API_FAILED'
            AND NOT EXISTS (
                SELECT 1 FROM device_association.change_result AS r
                WHERE
                    r.BulkChangeId = s.BulkChangeId AND r.RetryNumber = s.RetryNumber - 1 AND r.CreatedDate >= m.ProcessedDate
            )
    ) AS failed
FROM device_association.change_state AS s
WHERE s.BulkChangeId = :bulk_change_id

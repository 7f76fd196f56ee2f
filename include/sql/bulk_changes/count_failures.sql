-- How many devices of a change Rev.io refused in this retry and how many have their line or are rid of it, and from when on a
-- change is to be stopped.
-- Safe to run twice: reads only.
SELECT
    COALESCE(MAX(s.AbortPercent), :abort_percent) AS abort_percent,
    COALESCE(MAX(s.AbortSample), :abort_min_sample) AS abort_min_sample,
    COALESCE(SUM(CASE WHEN m.Status = 'API_FAILED' AND r.BulkChangeId IS NULL THEN 1 ELSE 0 END), 0) AS failed,
    COALESCE(SUM(CASE WHEN m.Status = 'PROCESSING' AND i.id IS NOT NULL THEN 1 ELSE 0 END), 0) AS settled
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.change_state AS s ON m.BulkChangeId = s.BulkChangeId
LEFT JOIN device_association.change_result AS r
    ON m.BulkChangeId = r.BulkChangeId AND r.RetryNumber = s.RetryNumber - 1 AND r.CreatedDate >= m.ProcessedDate
LEFT JOIN device_association.line_intent AS i ON m.id = i.M2MDeviceChangeId AND i.State IN ('CREATED', 'ADOPTED', 'ENDED')
WHERE m.BulkChangeId = :bulk_change_id

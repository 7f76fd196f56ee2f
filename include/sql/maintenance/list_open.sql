-- The open changes of our kind, with who holds each, and its message: when it was sent, how often.
-- Safe to run twice: reads only.
SELECT
    c.id AS bulk_change_id,
    c.Status AS status,
    c.TenantId AS tenant_id,
    c.CreatedDate AS created,
    COALESCE(s.RetryNumber, 0) AS retry_number,
    s.ClaimRunId AS claim_run_id,
    o.id AS message_id,
    o.SentDate AS sent,
    o.Attempts AS attempts
FROM dbo.DeviceBulkChange AS c
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
LEFT JOIN device_association.outbox AS o
    ON c.id = o.BulkChangeId AND o.Kind = 'MESSAGE' AND o.RetryNumber = COALESCE(s.RetryNumber, 0)
WHERE c.ChangeRequestTypeId = 4 AND c.IsDeleted = 0 AND c.Status IN ('NEW', 'PROCESSING')
ORDER BY c.id

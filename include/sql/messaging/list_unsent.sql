-- What is owed and not sent of one kind, oldest first, behind it what could not be sent before: one that is refused for good
-- holds up no other. For one change, or for all when none is named.
-- Safe to run twice: reads only.
SELECT o.id AS outbox_id, o.Payload AS payload
FROM device_association.outbox AS o
WHERE
    o.SentDate IS NULL
    AND o.Kind = :kind
    AND o.BulkChangeId = COALESCE(:bulk_change_id, o.BulkChangeId)
ORDER BY o.Attempts, o.CreatedDate, o.id OFFSET 0 ROWS FETCH NEXT 1000 ROWS ONLY -- noqa: PRS

-- Why messages of a change could not be sent yet; no row where they are sent, or nobody has tried.
-- Safe to run twice: reads only.
SELECT o.LastError AS last_error
FROM device_association.outbox AS o
WHERE o.Kind = 'MESSAGE' AND o.BulkChangeId = :bulk_change_id AND o.SentDate IS NULL AND o.LastError IS NOT NULL

-- The customers that a change's request names; no row: the change was never ours.
-- Safe to run twice: reads only.
SELECT DISTINCT t.RevCustomerId AS customer_id
FROM device_association.request_terms AS t
WHERE t.BulkChangeId = :bulk_change_id

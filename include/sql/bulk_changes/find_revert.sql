-- Which change a change takes back, and which one takes it back; no row: neither.
-- Safe to run twice: reads only.
SELECT
    MAX(CASE WHEN v.BulkChangeId = :bulk_change_id THEN v.RevertedChangeId END) AS reverts,
    MAX(CASE WHEN v.RevertedChangeId = :bulk_change_id THEN v.BulkChangeId END) AS reverted_by
FROM device_association.reversal AS v
WHERE v.BulkChangeId = :bulk_change_id OR v.RevertedChangeId = :bulk_change_id
HAVING COUNT(*) > 0

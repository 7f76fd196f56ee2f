-- How a retry of a change ended, with the calls to Rev.io that its devices needed; no row while it is open.
-- Safe to run twice: reads only.
SELECT
    r.BulkChangeId AS bulk_change_id,
    r.RetryNumber AS retry_number,
    r.Status AS status,
    r.Devices AS devices,
    (
        SELECT COALESCE(SUM(i.Calls), 0) FROM device_association.line_intent AS i WHERE i.BulkChangeId = :bulk_change_id
    ) AS rev_calls
FROM device_association.change_result AS r
WHERE r.BulkChangeId = :bulk_change_id AND r.RetryNumber = :retry_number

-- Why a change's retry was stopped; no row while it was not.
-- Safe to run twice: reads only.
SELECT x.Code AS code, x.Reason AS reason
FROM device_association.change_stop AS x
WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number

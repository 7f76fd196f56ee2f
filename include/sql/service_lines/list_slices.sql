-- The slices of a change's retry.
-- Safe to run twice: reads only.
SELECT s.SliceNumber AS slice_number, s.FirstRowId AS first_row_id, s.LastRowId AS last_row_id, s.Devices AS devices
FROM device_association.rev_service_slice AS s
WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number
ORDER BY s.SliceNumber

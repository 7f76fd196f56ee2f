-- Keeps the slices of a change's retry.
-- Safe to run twice: slices that are there stay, so that a map index always means the same devices.
INSERT INTO device_association.rev_service_slice (
    BulkChangeId, RetryNumber, SliceNumber, FirstRowId, LastRowId, Devices
)
SELECT :bulk_change_id, :retry_number, s.slice_number, s.first_row_id, s.last_row_id, s.devices
FROM
    JSONB_TO_RECORDSET(CAST(:slices AS jsonb))
        AS s (
            slice_number int, first_row_id bigint, last_row_id bigint, devices int
        )
ON CONFLICT (BulkChangeId, RetryNumber, SliceNumber) DO NOTHING

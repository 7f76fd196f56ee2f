-- Keeps the slices of a change's retry.
-- Safe to run twice: slices that are there stay, so that a map index always means the same devices.
INSERT INTO device_association.rev_service_slice (
    BulkChangeId, RetryNumber, SliceNumber, FirstRowId, LastRowId, Devices
)
SELECT :bulk_change_id, :retry_number, s.slice_number, s.first_row_id, s.last_row_id, s.devices
FROM
    OPENJSON (:slices)
    WITH (
        slice_number int '$.slice_number',
        first_row_id bigint '$.first_row_id',
        last_row_id bigint '$.last_row_id',
        devices int '$.devices'
    ) AS s
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.rev_service_slice AS x WITH (UPDLOCK, HOLDLOCK)
        WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number AND x.SliceNumber = s.slice_number
    );

-- The lines that were named for the devices of a range of a change's rows, and whether the device has a line by now.
-- Safe to run twice: reads only.
SELECT
    n.M2MDeviceChangeId AS row_id,
    n.RevServiceId AS service_id,
    n.Actor AS named_by,
    n.Reason AS reason,
    CASE
        WHEN EXISTS (
            SELECT 1 FROM device_association.line_intent AS i
            WHERE i.M2MDeviceChangeId = n.M2MDeviceChangeId AND i.State IN ('CREATED', 'ADOPTED')
        ) THEN 1
        ELSE 0
    END AS has_line
FROM device_association.named_line AS n
WHERE n.BulkChangeId = :bulk_change_id AND n.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id

-- Gives slots back whose calls were not made.
-- Safe to run twice: only a slot that is still the change's, from that moment on, is given back.
UPDATE device_association.call_slot
SET UsedFrom = :now, FreeFrom = :now, BulkChangeId = 0
FROM
    OPENJSON (:slots)
    WITH (number int '$.number', used_from datetime2(3) '$.used_from', free_from datetime2(3) '$.free_from') AS r
WHERE
    device_association.call_slot.ConnectionId = :connection_id
    AND device_association.call_slot.SlotNumber = r.number
    AND device_association.call_slot.UsedFrom = r.used_from
    AND device_association.call_slot.BulkChangeId = :bulk_change_id;

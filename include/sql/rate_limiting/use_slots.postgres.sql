-- Gives slots of an account to a change, each from the moment of its call.
-- Safe to run twice: the same slots get the same moments. It runs in the transaction that has the account's turn.
UPDATE device_association.call_slot
SET UsedFrom = r.used_from, FreeFrom = r.free_from, BulkChangeId = :bulk_change_id
FROM JSONB_TO_RECORDSET(CAST(:slots AS jsonb)) AS r (number int, used_from timestamptz, free_from timestamptz)
WHERE
    device_association.call_slot.ConnectionId = :connection_id
    AND device_association.call_slot.SlotNumber = r.number

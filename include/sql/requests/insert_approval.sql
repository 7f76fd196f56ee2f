-- Asks about a change for the first time.
-- A second run fails on the key, and with it the whole transaction.
INSERT INTO device_association.approval (BulkChangeId, Why, AskedBy, AskedDate, ExpiresDate)
VALUES (:bulk_change_id, :why, :actor, :now, :expires)

-- Says that a change takes another one back.
-- A second run fails on the unique key: a change is taken back once.
INSERT INTO device_association.reversal (BulkChangeId, RevertedChangeId, CreatedDate)
VALUES (:bulk_change_id, :reverted_change_id, :now)

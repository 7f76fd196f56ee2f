-- Keeps everybody else from claiming, closing, stopping or retrying a change until this transaction has ended.
-- Safe to run twice: nothing changes. No row: the change has no state yet.
UPDATE device_association.change_state SET RetryNumber = RetryNumber
WHERE BulkChangeId = :bulk_change_id

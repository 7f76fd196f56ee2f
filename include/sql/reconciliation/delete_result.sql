-- Forgets how a retry ended, in the transaction that records it anew.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.change_result WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number

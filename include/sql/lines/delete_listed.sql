-- Forgets what Rev.io listed for this retry, before it is listed anew.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.listed_line WHERE BulkChangeId = :bulk_change_id AND RetryNumber = :retry_number

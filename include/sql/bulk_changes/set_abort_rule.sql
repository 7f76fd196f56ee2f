-- Sets when a change is stopped because Rev.io refuses too many of its devices.
-- Safe to run twice: it sets the same.
UPDATE device_association.change_state SET AbortPercent = :abort_percent, AbortSample = :abort_min_sample
WHERE BulkChangeId = :bulk_change_id

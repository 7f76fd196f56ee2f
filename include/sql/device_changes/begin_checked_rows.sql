-- Records that the data checks passed: from here on a row may be billed and associated.
-- Safe to run twice: only NEW rows are touched.
UPDATE dbo.M2M_DeviceChange SET Status = 'PROCESSING', ModifiedBy = :actor, ModifiedDate = :now
WHERE BulkChangeId = :bulk_change_id AND Status = 'NEW' AND IsProcessed = 0

-- Links the devices of one change to their customers' newest active lines.
-- Safe to run twice: the procedure changes nothing the second time.
EXEC dbo.UPDATE_DEVICE_REV_SERVICE_LINKS @bulkChangeId = :bulk_change_id;

-- Links devices to the lines that UPDATE_DEVICE_REV_SERVICE_LINKS would link them to.
-- Safe to run twice: only a link that is still the wrong one is touched.
UPDATE dbo.Device_Tenant
SET RevServiceId = r.wanted, ModifiedBy = :actor, ModifiedDate = :now
FROM OPENJSON (:found) WITH (id int '$.id', linked int '$.linked', wanted int '$.wanted') AS r
WHERE dbo.Device_Tenant.id = r.id AND COALESCE(dbo.Device_Tenant.RevServiceId, 0) = COALESCE(r.linked, 0);

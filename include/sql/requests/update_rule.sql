-- Changes the thresholds of a tenant that has some.
-- Safe to run twice: the same thresholds are written again.
UPDATE device_association.approval_rule
SET
    MostDevices = :most_devices, MostRejectedPercent = :most_rejected_percent, FirstUse = :first_use,
    ModifiedBy = :actor, ModifiedDate = :now
WHERE TenantId = :tenant_id

-- Gives a tenant its first thresholds.
-- A second run fails on the key, and the transaction is tried again as a change of what is there.
INSERT INTO device_association.approval_rule (
    TenantId, MostDevices, MostRejectedPercent, FirstUse, ModifiedBy, ModifiedDate
)
VALUES (:tenant_id, :most_devices, :most_rejected_percent, :first_use, :actor, :now)

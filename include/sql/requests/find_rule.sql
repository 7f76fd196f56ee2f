-- The thresholds of a tenant; no row: nobody is asked.
-- Safe to run twice: reads only.
SELECT
    r.MostDevices AS most_devices,
    r.MostRejectedPercent AS most_rejected_percent,
    r.FirstUse AS first_use
FROM device_association.approval_rule AS r
WHERE r.TenantId = :tenant_id

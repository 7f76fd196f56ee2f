-- The open calls whose row, change, customer or account is not in the portal's tables any more, so that nobody can look them
-- up.
-- Safe to run twice: reads only.
SELECT
    i.id AS intent_id,
    i.ICCID AS iccid,
    i.IntegrationAuthenticationId AS account_id,
    a.TenantId AS tenant_id,
    i.BulkChangeId AS bulk_change_id
FROM device_association.line_intent AS i
LEFT JOIN dbo.Integration_Authentication AS a ON i.IntegrationAuthenticationId = a.id
LEFT JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
LEFT JOIN dbo.DeviceBulkChange AS c ON i.BulkChangeId = c.id
LEFT JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
WHERE
    (i.State = 'UNKNOWN' OR (i.State = 'CALLING' AND i.LeaseUntil <= :now))
    AND (m.id IS NULL OR c.id IS NULL OR k.id IS NULL OR a.id IS NULL)
ORDER BY i.id

-- The rows whose intent has a line as that of a given SIM, with the change and the customer, and whether the row is open.
-- Safe to run twice: reads only.
SELECT
    i.M2MDeviceChangeId AS row_id,
    i.BulkChangeId AS bulk_change_id,
    i.RevCustomerId AS customer_id,
    c.TenantId AS tenant_id,
    CASE WHEN m.IsProcessed = 0 THEN 1 ELSE 0 END AS row_is_open
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.DeviceBulkChange AS c ON i.BulkChangeId = c.id
WHERE
    i.ICCID = :iccid
    AND i.State IN ('CREATED', 'ADOPTED')
    AND i.RevServiceId = :service_id
    AND i.IntegrationAuthenticationId = :account_id
ORDER BY i.id

-- The open rows of a change whose line an earlier try has created or adopted, with what is known of the line.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id,
    i.id AS intent_id,
    i.CalledBody AS called_body,
    k.RevCustomerId AS customer_number,
    CASE WHEN n.M2MDeviceChangeId IS NULL THEN 0 ELSE 1 END AS is_named,
    i.RevServiceId AS service_id,
    m.ICCID AS iccid,
    m.MSISDN AS msisdn,
    i.IntegrationAuthenticationId AS account_id,
    a.ConnectionId AS connection_id
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.Integration_Authentication AS a ON i.IntegrationAuthenticationId = a.id
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
LEFT JOIN device_association.named_line AS n
    ON
        m.id = n.M2MDeviceChangeId
        AND i.RevServiceId = n.RevServiceId
        AND i.IntegrationAuthenticationId = n.IntegrationAuthenticationId
WHERE
    i.BulkChangeId = :bulk_change_id
    AND i.State IN ('CREATED', 'ADOPTED')
    AND m.IsProcessed = 0
    AND m.Status = 'PROCESSING'
    AND i.ModifiedDate < :before

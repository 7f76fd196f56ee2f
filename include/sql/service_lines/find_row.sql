-- A device of a change for which a person names a line: how its row ended, and which line was named before.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id,
    m.ICCID AS iccid,
    m.Status AS status,
    m.ErrorCode AS code,
    c.IntegrationAuthenticationId AS account_id,
    n.RevServiceId AS named_service_id,
    n.Actor AS named_by,
    CASE
        WHEN EXISTS (
            SELECT 1 FROM device_association.line_intent AS i
            WHERE i.M2MDeviceChangeId = m.id AND i.State IN ('CREATED', 'ADOPTED')
        ) THEN 1
        ELSE 0
    END AS has_line
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS c ON t.RevCustomerId = c.id
LEFT JOIN device_association.named_line AS n ON m.id = n.M2MDeviceChangeId
WHERE m.BulkChangeId = :bulk_change_id AND m.ICCID = :iccid AND m.IsDeleted = 0

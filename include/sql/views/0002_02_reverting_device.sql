-- The checked, open rows of reverts whose line is settled, or of which nothing is at Rev.io.
-- Alembic runs this once.
CREATE VIEW device_association.reverting_device AS
SELECT
    m.BulkChangeId,
    m.id AS M2MDeviceChangeId,
    m.DeviceId,
    m.ICCID,
    m.MSISDN,
    c.TenantId,
    c.ServiceProviderId,
    v.RevertedChangeId,
    t.RevCustomerId
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN device_association.reversal AS v ON m.BulkChangeId = v.BulkChangeId
INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
WHERE
    m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.DeviceId IS NOT NULL
    AND (
        r.LineIntentId IS NULL
        OR EXISTS (
            SELECT 1 FROM device_association.line_intent AS i
            WHERE i.M2MDeviceChangeId = m.id AND i.ReadyDate IS NOT NULL
        )
    );

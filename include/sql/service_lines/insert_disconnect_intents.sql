-- Writes the intent of every checked row of a revert whose line is to be ended and that has neither an open intent nor an
-- ended line yet.
-- Safe to run twice: rows that have one are left out; the unique key (account, ICCID) of open intents refuses the rest.
INSERT INTO device_association.line_intent (
    IntegrationAuthenticationId, ICCID, MSISDN, DeviceId, BulkChangeId, M2MDeviceChangeId, RevCustomerId, State,
    EndsRevServiceId, CreatedDate, ModifiedDate
)
SELECT
    f.IntegrationAuthenticationId, m.ICCID, m.MSISDN, m.DeviceId, m.BulkChangeId, m.id, f.RevCustomerId, 'PLANNED',
    f.RevServiceId, :now, :now
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
INNER JOIN device_association.line_intent AS f ON r.LineIntentId = f.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.IsDeleted = 0
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE
            i.IntegrationAuthenticationId = f.IntegrationAuthenticationId
            AND i.ICCID = m.ICCID
            AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE i.M2MDeviceChangeId = m.id AND i.State IN ('ENDED', 'KEPT')
    )

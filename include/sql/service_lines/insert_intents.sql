-- Writes the intent of every checked row that wants a line of a customer and has neither an open intent nor a line of its own yet.
-- Safe to run twice: rows that have one are left out; the unique key (account, ICCID) of open intents refuses the rest.
INSERT INTO device_association.line_intent (
    IntegrationAuthenticationId, ICCID, MSISDN, DeviceId, BulkChangeId, M2MDeviceChangeId, RevCustomerId, State, LookedDate,
    CreatedDate, ModifiedDate
)
SELECT
    c.IntegrationAuthenticationId, m.ICCID, m.MSISDN, m.DeviceId, m.BulkChangeId, m.id, c.id, 'PLANNED', :looked, :now, :now
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS c ON t.RevCustomerId = c.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.IsDeleted = 0
    AND t.CreateRevService = 1
    AND c.id = :customer_id
    AND c.IntegrationAuthenticationId IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE
            i.IntegrationAuthenticationId = c.IntegrationAuthenticationId
            AND i.ICCID = m.ICCID
            AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS i
        WHERE i.M2MDeviceChangeId = m.id AND i.State IN ('CREATED', 'ADOPTED')
    )

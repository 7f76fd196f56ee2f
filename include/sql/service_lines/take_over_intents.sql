-- Gives the open intents of a change's SIMs, left by an earlier change of the same customer, to this change's rows.
-- Safe to run twice: an intent that is the row's own already is not touched. A call that is out stays its caller's.
UPDATE device_association.line_intent
SET BulkChangeId = m.BulkChangeId, M2MDeviceChangeId = m.id, LookedDate = :looked, ModifiedDate = :now
FROM dbo.M2M_DeviceChange AS m, device_association.requested_device AS d, device_association.request_terms AS t,
    dbo.RevCustomer AS c
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN :first_row_id AND :last_row_id
    AND m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.IsDeleted = 0
    AND d.M2MDeviceChangeId = m.id
    AND t.id = d.TermsId
    AND t.CreateRevService = 1
    AND c.id = t.RevCustomerId
    AND c.id = :customer_id
    AND device_association.line_intent.IntegrationAuthenticationId = c.IntegrationAuthenticationId
    AND device_association.line_intent.ICCID = m.ICCID
    AND device_association.line_intent.RevCustomerId = t.RevCustomerId
    AND device_association.line_intent.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
    AND device_association.line_intent.EndsRevServiceId IS NULL
    AND device_association.line_intent.M2MDeviceChangeId <> m.id

-- The SIMs for which a change wants lines of a customer.
-- Safe to run twice: reads only.
SELECT m.ICCID AS iccid, m.MSISDN AS msisdn
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND t.CreateRevService = 1
    AND t.RevCustomerId = :customer_id

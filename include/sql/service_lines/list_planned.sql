-- The SIMs for which a change is to call, each with its customer.
-- Safe to run twice: reads only.
SELECT
    i.id AS intent_id,
    i.ICCID AS iccid,
    i.MSISDN AS msisdn,
    i.RevCustomerId AS customer_id
FROM device_association.line_intent AS i
WHERE i.BulkChangeId = :bulk_change_id AND i.State = 'PLANNED' AND i.EndsRevServiceId IS NULL

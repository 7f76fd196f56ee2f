-- How many changes, beside one, ever asked for a customer.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS uses
FROM device_association.request_terms AS t
WHERE t.RevCustomerId = :rev_customer_id AND t.BulkChangeId <> :bulk_change_id

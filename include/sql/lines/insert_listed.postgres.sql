-- Keeps the active lines that Rev.io listed for a change's customers.
-- Safe to run twice: a line is kept once.
INSERT INTO device_association.listed_line (BulkChangeId, RetryNumber, RevServiceId, Number, Number2, CreatedDate)
SELECT :bulk_change_id, :retry_number, l.service_id, l.number, l.number2, l.created
FROM JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS l (service_id int, number text, number2 text, created timestamptz)
ON CONFLICT (BulkChangeId, RetryNumber, RevServiceId) DO NOTHING

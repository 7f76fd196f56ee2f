-- Keeps records of an account that cannot be judged.
-- Safe to run twice: a record is kept once.
INSERT INTO device_association.unjudged_line (
    IntegrationAuthenticationId, LineKey, Record, RevServiceId, CustomerNumber, DisconnectedDate, ListedDate
)
SELECT :account_id, l.line_key, l.record, l.service_id, l.customer_number, l.disconnected, :listed
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS l (line_key text, record text, service_id int, customer_number text, disconnected timestamptz)
ON CONFLICT (IntegrationAuthenticationId, LineKey) DO NOTHING

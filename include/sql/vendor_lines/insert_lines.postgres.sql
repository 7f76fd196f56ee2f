-- Keeps lines of an account as Rev.io listed them.
-- Safe to run twice: a line is kept once.
INSERT INTO device_association.vendor_line (
    IntegrationAuthenticationId, RevServiceId, CustomerNumber, Number, Number2, CreatedDate, DisconnectedDate, ListedDate
)
SELECT :account_id, l.service_id, l.customer_number, l.number, l.number2, l.created, l.disconnected, :listed
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS l (
            service_id int, customer_number text, number text, number2 text, created timestamptz, disconnected timestamptz
        )
ON CONFLICT (IntegrationAuthenticationId, RevServiceId) DO NOTHING

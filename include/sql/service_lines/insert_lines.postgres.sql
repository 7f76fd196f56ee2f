-- Keeps lines of an account as Rev.io shows them.
-- Safe to run twice: a line is kept once; one that is shown as it is known stays as old as it is.
INSERT INTO device_association.revio_snapshot_line (
    IntegrationAuthenticationId, RevServiceId, CustomerNumber, Number, Number2, CreatedDate, DisconnectedDate, ListedDate,
    ShownDate
)
SELECT :account_id, l.service_id, l.customer_number, l.number, l.number2, l.created, l.disconnected, :listed, :shown
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS l (
            service_id int, customer_number text, number text, number2 text, created timestamptz, disconnected timestamptz
        )
ON CONFLICT (IntegrationAuthenticationId, RevServiceId) DO UPDATE
    SET
        CustomerNumber = EXCLUDED.CustomerNumber, Number = EXCLUDED.Number, Number2 = EXCLUDED.Number2,
        CreatedDate = EXCLUDED.CreatedDate, DisconnectedDate = EXCLUDED.DisconnectedDate, ListedDate = EXCLUDED.ListedDate,
        ShownDate = EXCLUDED.ShownDate
    WHERE
    revio_snapshot_line.CustomerNumber IS DISTINCT FROM EXCLUDED.CustomerNumber
    OR revio_snapshot_line.Number IS DISTINCT FROM EXCLUDED.Number
    OR revio_snapshot_line.Number2 IS DISTINCT FROM EXCLUDED.Number2
    OR revio_snapshot_line.DisconnectedDate IS DISTINCT FROM EXCLUDED.DisconnectedDate

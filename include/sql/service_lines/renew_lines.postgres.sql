-- Lets the lines of an account that a listing shows as they are known be those of this listing; since when they are known stays.
-- Safe to run twice: the second time sets the same.
UPDATE device_association.revio_snapshot_line AS v
SET CreatedDate = l.created, ListedDate = :listed
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS l (
            service_id int, customer_number text, number text, number2 text, created timestamptz, disconnected timestamptz
        )
WHERE
    v.IntegrationAuthenticationId = :account_id
    AND v.RevServiceId = l.service_id
    AND v.CustomerNumber IS NOT DISTINCT FROM l.customer_number
    AND v.Number IS NOT DISTINCT FROM l.number
    AND v.Number2 IS NOT DISTINCT FROM l.number2
    AND v.DisconnectedDate IS NOT DISTINCT FROM CAST(l.disconnected AS timestamptz (3))

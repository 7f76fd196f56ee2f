-- Makes the row of an account that was never listed.
-- Safe to run twice: one row an account; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.revio_snapshot (IntegrationAuthenticationId)
SELECT a.id
FROM dbo.Integration_Authentication AS a
WHERE
    a.id = :account_id
    AND NOT EXISTS (
        SELECT 1 FROM device_association.revio_snapshot AS g WHERE g.IntegrationAuthenticationId = :account_id
    )

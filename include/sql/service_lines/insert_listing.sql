-- Makes the row of an account that was never listed.
-- Safe to run twice: one row an account; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.vendor_listing (IntegrationAuthenticationId)
SELECT a.id
FROM dbo.Integration_Authentication AS a
WHERE
    a.id = :account_id
    AND NOT EXISTS (
        SELECT 1 FROM device_association.vendor_listing AS g WHERE g.IntegrationAuthenticationId = :account_id
    )

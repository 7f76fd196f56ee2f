-- Clears the links of a SIM's devices to a line that is another SIM's by now.
-- Safe to run twice: only a link to that line is touched.
UPDATE dbo.Device_Tenant
SET RevServiceId = NULL, ModifiedBy = :actor, ModifiedDate = :now
WHERE
    RevServiceId IN (
        SELECT l.id FROM dbo.RevService AS l
        WHERE l.RevServiceId = :service_id AND l.IntegrationAuthenticationId = :account_id
    )
    AND DeviceId IN (SELECT d.id FROM dbo.Device AS d WHERE d.ICCID = :iccid)

-- How often a line was named for another SIM after it was named for this device.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS later
FROM device_association.named_line AS n
INNER JOIN device_association.named_line AS o
    ON n.IntegrationAuthenticationId = o.IntegrationAuthenticationId AND n.RevServiceId = o.RevServiceId AND n.id < o.id
WHERE n.M2MDeviceChangeId = :row_id AND n.ICCID <> o.ICCID

-- The SIM that a line belongs to.
-- Safe to run twice: reads only.
SELECT o.ICCID AS iccid
FROM device_association.rev_line_owner AS o
WHERE o.IntegrationAuthenticationId = :account_id AND o.RevServiceId = :service_id

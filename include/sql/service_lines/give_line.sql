-- Gives a line to the SIM that a person named it for, or that is the same in another spelling.
-- Safe to run twice: a line that is the SIM's already is not touched.
UPDATE device_association.rev_line_owner
SET ICCID = :iccid, CreatedDate = :now
WHERE IntegrationAuthenticationId = :account_id AND RevServiceId = :service_id AND ICCID <> :iccid

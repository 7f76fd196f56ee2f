-- Keeps the line that a person named as the SIM's of a device.
-- A second run fails on the unique key: a device has one named line.
INSERT INTO device_association.named_line (
    BulkChangeId, M2MDeviceChangeId, IntegrationAuthenticationId, RevServiceId, ICCID, Actor, Reason, CreatedDate
)
VALUES (:bulk_change_id, :row_id, :account_id, :service_id, :iccid, :actor, :reason, :now)

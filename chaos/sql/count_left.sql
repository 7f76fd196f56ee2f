-- Counts what is not at its end yet, by kind.
-- Reads only.
SELECT 'changes' AS kind, COUNT(*) AS left_over
FROM dbo.DeviceBulkChange
WHERE ChangeRequestTypeId = 4 AND IsDeleted = 0 AND Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
UNION ALL
SELECT 'calls' AS kind, COUNT(*) AS left_over
FROM device_association.line_intent
WHERE State IN ('PLANNED', 'CALLING', 'UNKNOWN')
UNION ALL
SELECT 'owed' AS kind, COUNT(*) AS left_over
FROM device_association.outbox
WHERE SentDate IS NULL
UNION ALL
SELECT 'lines to be tried again' AS kind, COUNT(*) AS left_over
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
WHERE i.State IN ('CREATED', 'ADOPTED') AND i.ReadyDate IS NULL AND m.ErrorCode = 'REV_OUTCOME_UNKNOWN'

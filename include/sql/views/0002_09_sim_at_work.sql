-- The SIMs that somebody is at work on, by ICCID and by MSISDN: what becomes of them is not known yet. A deleted change
-- works on none, but for the calls that it has out.
-- Alembic runs this once.
CREATE VIEW device_association.sim_at_work AS
SELECT
    i.ICCID AS Number
FROM device_association.line_intent AS i
WHERE i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
UNION ALL
SELECT i.MSISDN AS Number
FROM device_association.line_intent AS i
WHERE i.State IN ('PLANNED', 'CALLING', 'UNKNOWN') AND i.MSISDN IS NOT NULL
UNION ALL
SELECT m.ICCID AS Number
FROM dbo.DeviceBulkChange AS c
INNER JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsProcessed = 0
WHERE c.Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL') AND c.IsDeleted = 0 AND m.IsDeleted = 0
UNION ALL
SELECT m.MSISDN AS Number
FROM dbo.DeviceBulkChange AS c
INNER JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsProcessed = 0
WHERE
    c.Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
    AND c.IsDeleted = 0
    AND m.IsDeleted = 0
    AND m.MSISDN IS NOT NULL;

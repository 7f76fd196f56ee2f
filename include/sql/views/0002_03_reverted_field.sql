-- What the first change did to each device that a revert takes back: a row a field, with the value before its first change of
-- it, the value after its last, and when that was.
-- Alembic runs this once.
CREATE VIEW device_association.reverted_field AS
SELECT
    x.BulkChangeId,
    x.M2MDeviceChangeId,
    x.ChangedField,
    MAX(CASE WHEN x.FromStart = 1 THEN x.PreviousValue END) AS FormerValue,
    MAX(CASE WHEN x.FromEnd = 1 THEN x.CurrentValue END) AS LeftValue,
    MIN(x.DateOfChange) AS FirstDate,
    MIN(x.HistoryId) AS FirstHistoryId
FROM (
    SELECT
        r.BulkChangeId,
        r.M2MDeviceChangeId,
        h.ChangedField,
        h.PreviousValue,
        h.CurrentValue,
        h.DateOfChange,
        h.id AS HistoryId,
        ROW_NUMBER() OVER (PARTITION BY r.BulkChangeId, r.M2MDeviceChangeId, h.ChangedField ORDER BY h.id ASC) AS FromStart,
        ROW_NUMBER() OVER (PARTITION BY r.BulkChangeId, r.M2MDeviceChangeId, h.ChangedField ORDER BY h.id DESC) AS FromEnd
    FROM device_association.reverted_device AS r
    INNER JOIN device_association.reversal AS v ON r.BulkChangeId = v.BulkChangeId
    INNER JOIN dbo.M2M_DeviceChange AS m ON r.M2MDeviceChangeId = m.id
    INNER JOIN dbo.DeviceActionHistory AS h
        ON v.RevertedChangeId = h.BulkChangeId AND m.DeviceId = h.M2MDeviceId AND h.IsDeleted = 0
) AS x
GROUP BY x.BulkChangeId, x.M2MDeviceChangeId, x.ChangedField;

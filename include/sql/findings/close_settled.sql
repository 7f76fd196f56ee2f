-- Closes what was told of a SIM whose outcome was not known, once its row says something else.
-- Safe to run twice: only an open finding is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE
    Kind IN ('OUTCOME_SETTLED_ABSENT', 'OUTCOME_AMBIGUOUS')
    AND ClosedDate IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM dbo.M2M_DeviceChange AS m
        WHERE
            m.BulkChangeId = device_association.finding.BulkChangeId
            AND m.ICCID = device_association.finding.ICCID
            AND m.ErrorCode = 'REV_OUTCOME_UNKNOWN'
    )

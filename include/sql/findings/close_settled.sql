-- Closes what the sweep told, once it is over: of a SIM whose outcome was not known, when its row says something else; of a
-- change in another program's hands, when it is there no more; of a line that a revert left, when it is disconnected.
-- Safe to run twice: only an open finding is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE
    ClosedDate IS NULL
    AND (
        (
            Kind IN ('OUTCOME_SETTLED_ABSENT', 'OUTCOME_AMBIGUOUS')
            AND NOT EXISTS (
                SELECT 1 FROM dbo.M2M_DeviceChange AS m
                WHERE
                    m.BulkChangeId = device_association.finding.BulkChangeId
                    AND m.ICCID = device_association.finding.ICCID
                    AND m.ErrorCode = 'REV_OUTCOME_UNKNOWN'
            )
        )
        OR (
            Kind = 'CHANGE_OF_ANOTHER_PROGRAM'
            AND NOT EXISTS (
                SELECT 1
                FROM dbo.DeviceBulkChange AS c
                LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
                WHERE
                    c.id = device_association.finding.BulkChangeId
                    AND c.Status = 'PROCESSING'
                    AND c.IsDeleted = 0
                    AND s.ClaimRunId IS NULL
            )
        )
        OR (
            Kind = 'LINE_OF_REVERTED_CHANGE'
            AND NOT EXISTS (
                SELECT 1 FROM dbo.RevService AS l
                WHERE
                    l.RevServiceId = device_association.finding.RevServiceId
                    AND l.IntegrationAuthenticationId = device_association.finding.IntegrationAuthenticationId
                    AND l.IsDeleted = 0
                    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
            )
        )
    )

-- Closes what the sweep told, once it is over: of a SIM whose outcome was not known, when its row was tried again, or another
-- change has looked at its lines; of a call that could not be looked up, when it is not open any more; of a change in another program's
-- hands, when it is there no more; of a line without its device, when it is disconnected or a device has it.
-- Safe to run twice: only an open finding is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE
    ClosedDate IS NULL
    AND (
        (
            Kind IN ('OUTCOME_SETTLED_ABSENT', 'OUTCOME_AMBIGUOUS')
            AND NOT EXISTS (
                SELECT 1
                FROM dbo.M2M_DeviceChange AS m
                INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
                WHERE
                    m.BulkChangeId = device_association.finding.BulkChangeId
                    AND m.ICCID = device_association.finding.ICCID
                    AND m.Status IN ('API_FAILED', 'ERROR', 'CANCELED')
                    AND m.ProcessedDate <= device_association.finding.SeenDate
                    AND m.IsDeleted = 0
                    AND c.IsDeleted = 0
                    AND (
                        device_association.finding.Kind = 'OUTCOME_AMBIGUOUS'
                        OR NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.RevertedChangeId = c.id)
                    )
                    AND NOT EXISTS (
                        SELECT 1
                        FROM dbo.M2M_DeviceChange AS o
                        INNER JOIN dbo.DeviceBulkChange AS p ON o.BulkChangeId = p.id
                        INNER JOIN device_association.line_intent AS i ON o.id = i.M2MDeviceChangeId
                        WHERE
                            o.DeviceId = m.DeviceId
                            AND o.Status = 'PROCESSED'
                            AND o.ProcessedDate > device_association.finding.SeenDate
                            AND p.TenantId = c.TenantId
                    )
            )
        )
        OR (
            Kind = 'LOOK_UP_FAILED'
            AND NOT EXISTS (
                SELECT 1 FROM device_association.line_intent AS i
                WHERE
                    i.BulkChangeId = device_association.finding.BulkChangeId
                    AND i.ICCID = device_association.finding.ICCID
                    AND i.State IN ('CALLING', 'UNKNOWN')
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
            Kind IN ('LINE_NOT_ASSOCIATED', 'LINE_OF_REVERTED_CHANGE', 'LINE_OF_DELETED_CHANGE')
            AND EXISTS (
                SELECT 1
                FROM dbo.RevService AS l
                INNER JOIN dbo.Device_Tenant AS x ON l.id = x.RevServiceId AND x.IsDeleted = 0
                WHERE
                    l.RevServiceId = device_association.finding.RevServiceId
                    AND l.IntegrationAuthenticationId = device_association.finding.IntegrationAuthenticationId
                    AND (
                        device_association.finding.Kind <> 'LINE_OF_REVERTED_CHANGE'
                        OR x.ModifiedDate > device_association.finding.FoundDate
                    )
            )
        )
        OR (
            Kind IN ('LINE_NOT_ASSOCIATED', 'LINE_OF_REVERTED_CHANGE', 'LINE_OF_DELETED_CHANGE')
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

-- Marks the open rows of a revert whose device is gone, was changed since (what was taken back since does not count), or whose
-- line another change uses since, or whose SIM has a call of unknown outcome.
-- Safe to run twice: only rows not yet final are touched; the first rule that matches gives the code. Links to lines are not
-- compared: they follow the lines by themselves. A row of which a call is out is brought to its end. A device that was never
-- associated may not be the tenant's own.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR', ErrorCode = v.code, StatusDetails = v.details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        f.row_id,
        CASE
            WHEN f.has_device = 0 THEN 'DEVICE_NOT_FOUND'
            WHEN f.has_tenant = 0 THEN 'DEVICE_NOT_IN_TENANT'
            WHEN f.changed_field IS NOT NULL OR f.later_field IS NOT NULL OR f.used_by IS NOT NULL THEN 'CHANGED_SINCE'
            WHEN f.asked_by IS NOT NULL THEN 'DEVICE_IN_OTHER_CHANGE'
        END AS code,
        CASE
            WHEN f.has_device = 0
                THEN 'DEVICE_NOT_FOUND: the device was deleted or replaced since; nothing of it can be given back'
            WHEN f.has_tenant = 0
                THEN 'DEVICE_NOT_IN_TENANT: the device left the inventory of the tenant since; have it moved back there'
            WHEN f.changed_field IS NOT NULL OR f.later_field IS NOT NULL
                THEN CONCAT(
                    'CHANGED_SINCE: ', COALESCE(f.changed_field, f.later_field), ' is not as bulk change ', f.reverted_change,
                    ' left it; look at the device''s history, and give it to its customer by a request of its own'
                )
            WHEN f.used_by IS NOT NULL
                THEN CONCAT(
                    'CHANGED_SINCE: bulk change ', f.used_by, ' has the line that bulk change ', f.reverted_change,
                    ' made; look at the device''s history, and give it to its customer by a request of its own'
                )
            ELSE CONCAT(
                'DEVICE_IN_OTHER_CHANGE: the outcome of a call of bulk change ', f.asked_by,
                ' for this SIM is not known yet; retry when it is settled'
            )
        END AS details
    FROM (
        SELECT
            m.id AS row_id,
            s.RevertedChangeId AS reverted_change,
            CASE WHEN d.id IS NULL THEN 0 ELSE 1 END AS has_device,
            CASE WHEN t.id IS NULL AND o.Status = 'PROCESSED' THEN 0 ELSE 1 END AS has_tenant,
            (
                SELECT MIN(x.ChangedField) FROM device_association.reverted_field AS x
                WHERE
                    x.BulkChangeId = m.BulkChangeId
                    AND x.M2MDeviceChangeId = m.id
                    AND x.ChangedField <> 'RevServiceId'
                    AND COALESCE(x.LeftValue, '(none)') <> COALESCE(
                        CASE x.ChangedField
                            WHEN 'SiteId' THEN CAST(t.SiteId AS varchar(50))
                            WHEN 'AccountNumber' THEN t.AccountNumber
                            WHEN 'AccountNumberIntegrationAuthenticationId'
                                THEN CAST(t.AccountNumberIntegrationAuthenticationId AS varchar(50))
                            WHEN 'CustomerRatePlanId' THEN CAST(t.CustomerRatePlanId AS varchar(50))
                            WHEN 'CustomerRatePoolId' THEN CAST(t.CustomerRatePoolId AS varchar(50))
                            WHEN 'CustomerDataAllocationMB' THEN CAST(t.CustomerDataAllocationMB AS varchar(50))
                            WHEN 'IsActive' THEN CAST(t.IsActive AS varchar(50))
                            WHEN 'IsDeleted' THEN CAST(t.IsDeleted AS varchar(50))
                            WHEN 'CarrierRatePlanId' THEN CAST(d.CarrierRatePlanId AS varchar(50))
                            WHEN 'CommPlan' THEN d.CommPlan
                        END, '(none)'
                    )
            ) AS changed_field,
            (
                SELECT MIN(h.ChangedField) FROM dbo.DeviceActionHistory AS h
                WHERE
                    h.ICCID = m.ICCID
                    AND h.M2MDeviceId = m.DeviceId
                    AND h.TenantId = c.TenantId
                    AND h.IsDeleted = 0
                    AND COALESCE(h.BulkChangeId, 0) NOT IN (m.BulkChangeId, s.RevertedChangeId)
                    AND h.id > COALESCE(
                        (
                            SELECT MIN(x.FirstHistoryId) FROM device_association.reverted_field AS x
                            WHERE x.BulkChangeId = m.BulkChangeId AND x.M2MDeviceChangeId = m.id
                        ), 0
                    )
                    AND h.DateOfChange >= o.CreatedDate
                    AND NOT EXISTS (
                        SELECT 1
                        FROM device_association.reversal AS v
                        INNER JOIN dbo.M2M_DeviceChange AS n ON v.BulkChangeId = n.BulkChangeId
                        WHERE
                            h.BulkChangeId IN (v.BulkChangeId, v.RevertedChangeId)
                            AND n.DeviceId = m.DeviceId
                            AND n.Status = 'PROCESSED'
                    )
            ) AS later_field,
            (
                SELECT MIN(i.BulkChangeId)
                FROM device_association.line_intent AS made
                INNER JOIN device_association.line_intent AS i
                    ON
                        made.ICCID = i.ICCID
                        AND made.RevServiceId = i.RevServiceId
                        AND made.IntegrationAuthenticationId = i.IntegrationAuthenticationId
                        AND made.id < i.id
                WHERE
                    made.id = r.LineIntentId
                    AND i.State IN ('CREATED', 'ADOPTED')
                    AND NOT EXISTS (
                        SELECT 1
                        FROM device_association.reverted_device AS x
                        INNER JOIN dbo.M2M_DeviceChange AS n ON x.M2MDeviceChangeId = n.id
                        WHERE x.RevertedRowId = i.M2MDeviceChangeId AND n.Status = 'PROCESSED'
                    )
            ) AS used_by,
            (
                SELECT MIN(i.BulkChangeId) FROM device_association.line_intent AS i
                WHERE
                    i.ICCID = m.ICCID
                    AND i.M2MDeviceChangeId <> m.id
                    AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
            ) AS asked_by
        FROM dbo.M2M_DeviceChange AS m
        INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
        INNER JOIN device_association.reversal AS s ON m.BulkChangeId = s.BulkChangeId
        INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
        INNER JOIN dbo.M2M_DeviceChange AS o ON r.RevertedRowId = o.id
        LEFT JOIN dbo.Device AS d ON m.DeviceId = d.id AND d.IsDeleted = 0 AND m.ICCID = d.ICCID
        LEFT JOIN dbo.Device_Tenant AS t ON d.id = t.DeviceId AND c.TenantId = t.TenantId
        WHERE
            m.BulkChangeId = :bulk_change_id
            AND m.id BETWEEN :first_row_id AND :last_row_id
            AND m.IsProcessed = 0
            AND NOT EXISTS (
                SELECT 1 FROM device_association.line_intent AS i
                WHERE i.M2MDeviceChangeId = m.id AND i.State IN ('CALLING', 'UNKNOWN')
            )
    ) AS f
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND dbo.M2M_DeviceChange.IsProcessed = 0 AND v.code IS NOT NULL

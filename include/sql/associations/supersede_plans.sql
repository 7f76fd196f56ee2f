-- Refuses the plans of a batch whose device has or gets one with a later effective date (same date: the higher change id):
-- another plan of the queue, one that a change of ours set at once, or one that another program's bulk change set since.
-- Safe to run twice: only plans not yet refused are touched.
UPDATE device_association.plan_outcome
SET
    Outcome = 'SUPERSEDED',
    Detail = CONCAT(
        'SUPERSEDED: a plan of the device has a later effective date, by bulk change ', COALESCE(v.later_change, 'none'),
        '; nothing is to be done'
    )
FROM (
    SELECT found.QueueId, CAST(MAX(found.later_change) AS varchar(20)) AS later_change
    FROM (
        SELECT o.QueueId, later.BulkChangeId AS later_change
        FROM device_association.plan_outcome AS o
        INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
        INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS later
            ON q.DeviceId = later.DeviceId AND q.TenantId = later.TenantId
        LEFT JOIN device_association.plan_outcome AS theirs ON later.id = theirs.QueueId
        WHERE
            o.BatchId = :batch_id
            AND o.Outcome = 'APPLIED'
            AND later.PortalType = 0
            AND later.IsDeleted = 0
            AND later.ProcessedDate IS NOT NULL
            AND COALESCE(theirs.Outcome, 'APPLIED') IN ('APPLIED', 'SUPERSEDED')
            AND (
                later.EffectiveDate > q.EffectiveDate
                OR (
                    later.EffectiveDate = q.EffectiveDate
                    AND COALESCE(later.BulkChangeId, 0) > COALESCE(q.BulkChangeId, 0)
                )
                OR (
                    later.EffectiveDate = q.EffectiveDate
                    AND COALESCE(later.BulkChangeId, 0) = COALESCE(q.BulkChangeId, 0)
                    AND later.id > q.id
                )
            )
        UNION ALL
        SELECT atonce.QueueId, atonce.later_change
        FROM (
            SELECT
                o.QueueId,
                q.EffectiveDate AS due_date,
                COALESCE(q.BulkChangeId, 0) AS own_change,
                m.BulkChangeId AS later_change,
                COALESCE(
                    r.EffectiveDate,
                    d.DateActivated,
                    (
                        SELECT MIN(x.DateOfChange)
                        FROM dbo.DeviceStatusHistory AS x
                        INNER JOIN dbo.DeviceStatus AS a
                            ON UPPER(x.CurrentStatus) = UPPER(a.Status) AND a.IsActiveStatus = 1
                        WHERE x.ICCID = d.ICCID
                    ),
                    m.ProcessedDate
                ) AS their_date
            FROM device_association.plan_outcome AS o
            INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
            INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
            INNER JOIN dbo.M2M_DeviceChange AS m ON q.DeviceId = m.DeviceId AND m.Status = 'PROCESSED'
            INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id AND q.TenantId = c.TenantId
            INNER JOIN device_association.requested_device AS r ON m.id = r.M2MDeviceChangeId
            INNER JOIN device_association.request_terms AS w ON r.TermsId = w.id AND w.AddCustomerRatePlan = 1
            WHERE
                o.BatchId = :batch_id
                AND o.Outcome = 'APPLIED'
                AND m.ProcessedDate >= q.EffectiveDate
                AND COALESCE(r.EffectiveDate, m.ProcessedDate) <= m.ProcessedDate
        ) AS atonce
        WHERE
            atonce.their_date > atonce.due_date
            OR (atonce.their_date = atonce.due_date AND atonce.later_change > atonce.own_change)
        UNION ALL
        SELECT o.QueueId, h.BulkChangeId AS later_change
        FROM device_association.plan_outcome AS o
        INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
        INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
        INNER JOIN dbo.DeviceActionHistory AS h ON d.ICCID = h.ICCID AND d.id = h.M2MDeviceId
        WHERE
            o.BatchId = :batch_id
            AND o.Outcome = 'APPLIED'
            AND h.TenantId = q.TenantId
            AND h.ChangedField IN ('CustomerRatePlanId', 'CustomerRatePoolId', 'CustomerDataAllocationMB')
            AND h.DateOfChange > q.EffectiveDate
            AND NOT EXISTS (
                SELECT 1 FROM device_association.requested_device AS r WHERE r.BulkChangeId = h.BulkChangeId
            )
            AND EXISTS (
                SELECT 1 FROM dbo.DeviceBulkChange AS c
                WHERE c.id = h.BulkChangeId AND c.id <> COALESCE(q.BulkChangeId, 0)
            )
            AND NOT EXISTS (
                SELECT 1 FROM dbo.Device_CustomerRatePlanOrRatePool_Queue AS queued
                WHERE queued.DeviceId = q.DeviceId AND queued.BulkChangeId = h.BulkChangeId
            )
    ) AS found
    GROUP BY found.QueueId
) AS v
WHERE device_association.plan_outcome.QueueId = v.QueueId

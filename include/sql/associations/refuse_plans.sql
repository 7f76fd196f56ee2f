-- Refuses the plans of a batch whose device has another customer by now or is archived, or whose plan or pool is gone.
-- Whose plan it was is what its bulk change asked for; where that is not known, nobody else may have got the device since.
-- Safe to run twice: only plans not yet refused are touched; the first rule that matches gives the outcome.
UPDATE device_association.plan_outcome
SET
    Outcome = v.code,
    Detail = CASE
        WHEN v.code = 'CUSTOMER_CHANGED'
            THEN CONCAT(
                'CUSTOMER_CHANGED: the plan was asked for ', COALESCE(v.asked_for, 'the customer of that day'),
                ', the device now has customer ', COALESCE(v.account_number, 'none'),
                '; if the plan is wanted still, associate the device with it again'
            )
        WHEN v.code = 'DEVICE_ARCHIVED'
            THEN 'DEVICE_ARCHIVED: the device is archived; restore it in the portal, then associate it with the plan again'
        ELSE CONCAT(
            'PLAN_NOT_FOUND: customer rate plan ', v.plan_id, ' or pool ', v.pool_id,
            ' was deleted; associate the device again with one that is there'
        )
    END
FROM (
    SELECT
        o.QueueId,
        k.CustomerName AS asked_for,
        t.AccountNumber AS account_number,
        COALESCE(CAST(q.CustomerRatePlanId AS varchar(20)), 'none') AS plan_id,
        COALESCE(CAST(q.CustomerRatePoolId AS varchar(20)), 'none') AS pool_id,
        CASE
            WHEN t.id IS NULL THEN 'CUSTOMER_CHANGED'
            WHEN k.id IS NOT NULL AND (
                COALESCE(t.AccountNumber, '') <> k.RevCustomerId
                OR COALESCE(t.AccountNumberIntegrationAuthenticationId, 0) <> COALESCE(k.IntegrationAuthenticationId, 0)
            ) THEN 'CUSTOMER_CHANGED'
            WHEN k.id IS NULL AND EXISTS (
                SELECT 1 FROM dbo.DeviceActionHistory AS h
                WHERE
                    h.ICCID = d.ICCID
                    AND h.M2MDeviceId = d.id
                    AND h.TenantId = q.TenantId
                    AND h.ChangedField IN ('AccountNumber', 'AccountNumberIntegrationAuthenticationId')
                    AND h.DateOfChange > q.CreatedDate
                    AND COALESCE(h.BulkChangeId, -1) <> COALESCE(q.BulkChangeId, -2)
            ) THEN 'CUSTOMER_CHANGED'
            WHEN d.IsActive = 0 OR d.IsDeleted = 1 OR UPPER(s.Status) = 'ARCHIVED' THEN 'DEVICE_ARCHIVED'
            WHEN q.CustomerRatePlanId IS NOT NULL AND p.id IS NULL THEN 'PLAN_NOT_FOUND'
            WHEN q.CustomerRatePoolId IS NOT NULL AND l.id IS NULL THEN 'PLAN_NOT_FOUND'
        END AS code
    FROM device_association.plan_outcome AS o
    INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
    INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
    LEFT JOIN dbo.DeviceStatus AS s ON d.DeviceStatusId = s.id
    LEFT JOIN dbo.Device_Tenant AS t ON q.DeviceId = t.DeviceId AND q.TenantId = t.TenantId AND t.IsDeleted = 0
    LEFT JOIN device_association.requested_device AS r ON o.M2MDeviceChangeId = r.M2MDeviceChangeId
    LEFT JOIN device_association.request_terms AS w ON r.TermsId = w.id
    LEFT JOIN dbo.RevCustomer AS k ON w.RevCustomerId = k.id
    LEFT JOIN dbo.CustomerRatePlan AS p ON q.CustomerRatePlanId = p.id AND p.IsDeleted = 0
    LEFT JOIN dbo.CustomerRatePool AS l ON q.CustomerRatePoolId = l.id AND l.IsDeleted = 0
    WHERE o.BatchId = :batch_id AND o.Outcome = 'APPLIED'
) AS v
WHERE device_association.plan_outcome.QueueId = v.QueueId AND v.code IS NOT NULL

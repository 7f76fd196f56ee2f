-- Sets the plan, pool and allocation of a batch's plans that nothing speaks against, unless the device went to another
-- customer since that was decided; writes one history row for each field that this very statement changed.
-- Safe to run twice: a device that has the plan is not touched, and so writes no history.
WITH wanted AS (
    SELECT
        q.DeviceId, q.TenantId, q.BulkChangeId, q.CustomerRatePlanId, q.CustomerRatePoolId, q.CustomerDataAllocationMB,
        COALESCE(q.CreatedBy, :actor) AS asked_by, d.ServiceProviderId, d.ICCID, d.MSISDN, k.id AS customer_id,
        k.RevCustomerId AS customer_number, COALESCE(k.IntegrationAuthenticationId, 0) AS customer_account
    FROM device_association.plan_outcome AS o
    INNER JOIN dbo.Device_CustomerRatePlanOrRatePool_Queue AS q ON o.QueueId = q.id
    INNER JOIN dbo.Device AS d ON q.DeviceId = d.id
    LEFT JOIN device_association.requested_device AS r ON o.M2MDeviceChangeId = r.M2MDeviceChangeId
    LEFT JOIN device_association.request_terms AS w ON r.TermsId = w.id
    LEFT JOIN dbo.RevCustomer AS k ON w.RevCustomerId = k.id
    WHERE o.BatchId = :batch_id AND o.Outcome = 'APPLIED'
),

updated AS (
    UPDATE dbo.Device_Tenant AS t
    SET
        CustomerRatePlanId = w.CustomerRatePlanId,
        CustomerRatePoolId = w.CustomerRatePoolId,
        CustomerDataAllocationMB = w.CustomerDataAllocationMB,
        ModifiedBy = w.asked_by,
        ModifiedDate = :now
    FROM wanted AS w
    WHERE
        t.DeviceId = w.DeviceId
        AND t.TenantId = w.TenantId
        AND t.IsDeleted = 0
        AND (
            w.customer_id IS NULL
            OR (
                t.AccountNumber = w.customer_number
                AND COALESCE(t.AccountNumberIntegrationAuthenticationId, 0) = w.customer_account
            )
        )
        AND (
            t.CustomerRatePlanId IS DISTINCT FROM w.CustomerRatePlanId
            OR t.CustomerRatePoolId IS DISTINCT FROM w.CustomerRatePoolId
            OR t.CustomerDataAllocationMB IS DISTINCT FROM w.CustomerDataAllocationMB
        )
    RETURNING
        w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, w.TenantId, w.asked_by,
        t.AccountNumber AS account_number, t.AccountNumberIntegrationAuthenticationId AS account_id,
        OLD.CustomerRatePlanId AS old_plan, NEW.CustomerRatePlanId AS new_plan,
        OLD.CustomerRatePoolId AS old_pool, NEW.CustomerRatePoolId AS new_pool,
        OLD.CustomerDataAllocationMB AS old_allocation, NEW.CustomerDataAllocationMB AS new_allocation
)

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    c.ServiceProviderId, c.DeviceId, c.BulkChangeId, c.ICCID, c.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Associate Customer', :now, c.asked_by,
    (
        SELECT MIN(n.CustomerName) FROM dbo.RevCustomer AS n
        WHERE
            n.RevCustomerId = c.account_number
            AND COALESCE(n.IntegrationAuthenticationId, 0) = COALESCE(c.account_id, 0)
    ),
    c.account_number, c.TenantId, c.asked_by, :now, 1, 0
FROM updated AS c
CROSS JOIN
    LATERAL (
        VALUES
        ('CustomerRatePlanId', CAST(c.old_plan AS text), CAST(c.new_plan AS text)),
        ('CustomerRatePoolId', CAST(c.old_pool AS text), CAST(c.new_pool AS text)),
        ('CustomerDataAllocationMB', CAST(c.old_allocation AS text), CAST(c.new_allocation AS text))
    ) AS f (changed_field, previous_value, current_value)
WHERE f.previous_value IS DISTINCT FROM f.current_value

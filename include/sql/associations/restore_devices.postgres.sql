-- Gives a batch of devices of a revert back what they had before the first change, field by field as their history says it.
-- Safe to run twice: a device that is as it was is not touched, and so writes no history; there is one history row for each
-- field that this very statement changed. A row of Device_Tenant that the first change made is deleted softly. A link that came
-- with the first change's customer goes with it.
WITH wanted AS (
    SELECT
        s.BulkChangeId, s.M2MDeviceChangeId, s.DeviceId, s.TenantId, s.ServiceProviderId, s.ICCID, s.MSISDN, t.id AS row_id,
        CASE WHEN f.HasSite = 1 THEN CAST(f.FormerSite AS int) ELSE t.SiteId END AS site,
        CASE WHEN f.HasNumber = 1 THEN f.FormerNumber ELSE t.AccountNumber END AS number,
        CASE
            WHEN f.HasAccount = 1 THEN CAST(f.FormerAccount AS int) ELSE t.AccountNumberIntegrationAuthenticationId
        END AS account,
        CASE
            WHEN f.HasLine = 1 THEN CAST(f.FormerLine AS int)
            WHEN
                f.HasNumber + f.HasAccount > 0
                AND EXISTS (
                    SELECT 1 FROM dbo.RevService AS l WHERE l.id = t.RevServiceId AND l.RevCustomerId = s.RevCustomerId
                )
                THEN NULL
            ELSE t.RevServiceId
        END AS line,
        CASE WHEN f.HasPlan = 1 THEN CAST(f.FormerPlan AS int) ELSE t.CustomerRatePlanId END AS rate_plan,
        CASE WHEN f.HasPool = 1 THEN CAST(f.FormerPool AS int) ELSE t.CustomerRatePoolId END AS pool,
        CASE
            WHEN f.HasAllocation = 1 THEN CAST(f.FormerAllocation AS decimal(25, 4)) ELSE t.CustomerDataAllocationMB
        END AS allocation,
        CASE
            WHEN t.CreatedDate = f.FirstDate THEN 0
            WHEN f.HasActive = 1 THEN CAST(f.FormerActive AS int)
            ELSE t.IsActive
        END AS active,
        CASE
            WHEN t.CreatedDate = f.FirstDate THEN 1
            WHEN f.HasDeleted = 1 THEN CAST(f.FormerDeleted AS int)
            ELSE t.IsDeleted
        END AS deleted
    FROM device_association.reverting_device AS s
    INNER JOIN device_association.former_device AS f
        ON s.BulkChangeId = f.BulkChangeId AND s.M2MDeviceChangeId = f.M2MDeviceChangeId
    INNER JOIN dbo.Device_Tenant AS t ON s.DeviceId = t.DeviceId AND s.TenantId = t.TenantId
    WHERE
        s.BulkChangeId = :bulk_change_id
        AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
        AND f.BulkChangeId = :bulk_change_id
        AND f.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
),

updated AS (
    UPDATE dbo.Device_Tenant AS t
    SET
        SiteId = w.site, AccountNumber = w.number, AccountNumberIntegrationAuthenticationId = w.account,
        RevServiceId = w.line, CustomerRatePlanId = w.rate_plan, CustomerRatePoolId = w.pool,
        CustomerDataAllocationMB = w.allocation, IsActive = w.active, IsDeleted = w.deleted, ModifiedBy = :actor,
        ModifiedDate = :now
    FROM wanted AS w
    WHERE
        t.id = w.row_id
        AND (
            t.SiteId IS DISTINCT FROM w.site
            OR t.AccountNumber IS DISTINCT FROM w.number
            OR t.AccountNumberIntegrationAuthenticationId IS DISTINCT FROM w.account
            OR t.RevServiceId IS DISTINCT FROM w.line
            OR t.CustomerRatePlanId IS DISTINCT FROM w.rate_plan
            OR t.CustomerRatePoolId IS DISTINCT FROM w.pool
            OR t.CustomerDataAllocationMB IS DISTINCT FROM w.allocation
            OR t.IsActive <> w.active
            OR t.IsDeleted <> w.deleted
        )
    RETURNING
        w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, w.TenantId,
        OLD.SiteId AS old_site, NEW.SiteId AS new_site,
        OLD.AccountNumber AS old_number, NEW.AccountNumber AS new_number,
        OLD.AccountNumberIntegrationAuthenticationId AS old_account,
        NEW.AccountNumberIntegrationAuthenticationId AS new_account,
        OLD.RevServiceId AS old_line, NEW.RevServiceId AS new_line,
        OLD.CustomerRatePlanId AS old_plan, NEW.CustomerRatePlanId AS new_plan,
        OLD.CustomerRatePoolId AS old_pool, NEW.CustomerRatePoolId AS new_pool,
        OLD.CustomerDataAllocationMB AS old_allocation, NEW.CustomerDataAllocationMB AS new_allocation,
        OLD.IsActive AS old_active, NEW.IsActive AS new_active,
        OLD.IsDeleted AS old_deleted, NEW.IsDeleted AS new_deleted
)

INSERT INTO dbo.DeviceActionHistory (
    ServiceProviderId, M2MDeviceId, BulkChangeId, ICCID, MSISDN, ChangedField, PreviousValue, CurrentValue,
    ChangeEventType, DateOfChange, ChangedBy, CustomerAccountName, CustomerAccountNumber, TenantId, CreatedBy,
    CreatedDate, IsActive, IsDeleted
)
SELECT
    c.ServiceProviderId, c.DeviceId, c.BulkChangeId, c.ICCID, c.MSISDN, f.changed_field, f.previous_value,
    f.current_value, 'Revert Bulk Change', :now, :actor, k.CustomerName, c.new_number, c.TenantId, :actor, :now, 1, 0
FROM updated AS c
LEFT JOIN dbo.RevCustomer AS k
    ON c.new_number = k.RevCustomerId AND COALESCE(c.new_account, 0) = COALESCE(k.IntegrationAuthenticationId, 0)
CROSS JOIN
    LATERAL (
        VALUES
        ('SiteId', CAST(c.old_site AS text), CAST(c.new_site AS text)),
        ('AccountNumber', c.old_number, c.new_number),
        ('AccountNumberIntegrationAuthenticationId', CAST(c.old_account AS text), CAST(c.new_account AS text)),
        ('RevServiceId', CAST(c.old_line AS text), CAST(c.new_line AS text)),
        ('CustomerRatePlanId', CAST(c.old_plan AS text), CAST(c.new_plan AS text)),
        ('CustomerRatePoolId', CAST(c.old_pool AS text), CAST(c.new_pool AS text)),
        ('CustomerDataAllocationMB', CAST(c.old_allocation AS text), CAST(c.new_allocation AS text)),
        ('IsActive', CAST(c.old_active AS text), CAST(c.new_active AS text)),
        ('IsDeleted', CAST(c.old_deleted AS text), CAST(c.new_deleted AS text))
    ) AS f (changed_field, previous_value, current_value)
WHERE f.previous_value IS DISTINCT FROM f.current_value

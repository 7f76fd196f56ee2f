-- Gives a batch of settled devices to their customer: site, account, link to the line, and the plans whose date has come;
-- writes one history row for each field that this very statement changed.
-- Safe to run twice: a device that is as requested is not touched, and so writes no history.
WITH wanted AS (
    SELECT
        s.*,
        CASE WHEN s.AddCustomerRatePlan = 1 AND COALESCE(s.EffectiveDate, :now) <= :now THEN 1 ELSE 0 END AS sets_plan
    FROM device_association.settled_device AS s
    WHERE s.BulkChangeId = :bulk_change_id AND s.M2MDeviceChangeId BETWEEN :first_row_id AND :last_row_id
),

updated AS (
    UPDATE dbo.Device_Tenant AS t
    SET
        SiteId = w.SiteId,
        AccountNumber = w.AccountNumber,
        AccountNumberIntegrationAuthenticationId = w.AccountNumberIntegrationAuthenticationId,
        RevServiceId = COALESCE(w.RevServiceId, t.RevServiceId),
        CustomerRatePlanId = CASE WHEN w.sets_plan = 1 THEN w.CustomerRatePlanId ELSE t.CustomerRatePlanId END,
        CustomerRatePoolId = CASE WHEN w.sets_plan = 1 THEN w.CustomerRatePoolId ELSE t.CustomerRatePoolId END,
        CustomerDataAllocationMB = CASE
            WHEN w.sets_plan = 1 THEN w.CustomerDataAllocationMB ELSE t.CustomerDataAllocationMB
        END,
        IsActive = 1,
        IsDeleted = 0,
        ModifiedBy = :actor,
        ModifiedDate = :now
    FROM wanted AS w
    WHERE
        t.DeviceId = w.DeviceId
        AND t.TenantId = w.TenantId
        AND (
            t.SiteId IS DISTINCT FROM w.SiteId
            OR t.AccountNumber IS DISTINCT FROM w.AccountNumber
            OR t.AccountNumberIntegrationAuthenticationId
            IS DISTINCT FROM w.AccountNumberIntegrationAuthenticationId
            OR t.RevServiceId IS DISTINCT FROM COALESCE(w.RevServiceId, t.RevServiceId)
            OR t.IsActive = 0
            OR t.IsDeleted = 1
            OR (
                w.sets_plan = 1
                AND (
                    t.CustomerRatePlanId IS DISTINCT FROM w.CustomerRatePlanId
                    OR t.CustomerRatePoolId IS DISTINCT FROM w.CustomerRatePoolId
                    OR t.CustomerDataAllocationMB IS DISTINCT FROM w.CustomerDataAllocationMB
                )
            )
        )
    RETURNING
        w.ServiceProviderId, w.DeviceId, w.BulkChangeId, w.ICCID, w.MSISDN, w.AccountName, w.TenantId,
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
    f.current_value, 'Associate Customer', :now, :actor, c.AccountName, c.new_number, c.TenantId, :actor, :now, 1, 0
FROM updated AS c
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

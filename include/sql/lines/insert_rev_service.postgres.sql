-- Mirrors a line that was created or adopted.
-- Safe to run twice: one row a line and account; a row that was there only learns that the line lives.
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, IntegrationAuthenticationId, RevServiceTypeId,
    RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
VALUES (
    :service_id, :customer_id, :number, :number2, :activated_date, :account_id, :service_type_id, :provider_id,
    :usage_plan_group_id, :description, :actor, :now, 1, 0
)
ON CONFLICT (RevServiceId, IntegrationAuthenticationId) DO UPDATE
    SET
        RevCustomerId = EXCLUDED.RevCustomerId, Number2 = EXCLUDED.Number2, DisconnectedDate = NULL, IsActive = 1,
        IsDeleted = 0, ModifiedBy = :actor, ModifiedDate = :now

-- Mirrors a line that was created or adopted.
-- Safe to run twice: one row a line and account; a row that was there only learns that the line lives.
UPDATE dbo.RevService
SET
    RevCustomerId = :customer_id, Number2 = :number2, DisconnectedDate = NULL, IsActive = 1, IsDeleted = 0,
    ModifiedBy = :actor, ModifiedDate = :now
WHERE RevServiceId = :service_id AND IntegrationAuthenticationId = :account_id;
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, IntegrationAuthenticationId, RevServiceTypeId,
    RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    :service_id, :customer_id, :number, :number2, :activated_date, :account_id, :service_type_id, :provider_id,
    :usage_plan_group_id, :description, :actor, :now, 1, 0
WHERE
    NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l WITH (UPDLOCK, HOLDLOCK)
        WHERE l.RevServiceId = :service_id AND l.IntegrationAuthenticationId = :account_id
    );

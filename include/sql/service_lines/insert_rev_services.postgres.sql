-- Mirrors lines that were created or adopted.
-- Safe to run twice: one row a line and account. A row that was there only learns whose the line is and that it lives, unless
-- all that Rev.io shows of it is known (is_listed).
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, DisconnectedDate, IntegrationAuthenticationId,
    RevServiceTypeId, RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    r.service_id, r.customer_id, r.number, r.number2, r.activated_date, r.disconnected_date, r.account_id,
    r.service_type_id, r.provider_id, r.usage_plan_group_id, r.description, :actor, :now, 1, 0
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS r (
            service_id int, customer_id uuid, number text, number2 text, activated_date timestamptz,
            disconnected_date timestamptz, account_id int, service_type_id int, provider_id int, usage_plan_group_id int,
            description text
        )
ON CONFLICT (RevServiceId, IntegrationAuthenticationId) DO UPDATE
    SET
        RevCustomerId = EXCLUDED.RevCustomerId,
        Number = CASE WHEN :is_listed = 1 THEN EXCLUDED.Number ELSE RevService.Number END,
        Number2 = EXCLUDED.Number2,
        ActivatedDate = CASE WHEN :is_listed = 1 THEN EXCLUDED.ActivatedDate ELSE RevService.ActivatedDate END,
        DisconnectedDate = EXCLUDED.DisconnectedDate,
        RevServiceTypeId = CASE WHEN :is_listed = 1 THEN EXCLUDED.RevServiceTypeId ELSE RevService.RevServiceTypeId END,
        RevProviderId = CASE WHEN :is_listed = 1 THEN EXCLUDED.RevProviderId ELSE RevService.RevProviderId END,
        RevUsagePlanGroupId = CASE
            WHEN :is_listed = 1 THEN EXCLUDED.RevUsagePlanGroupId ELSE RevService.RevUsagePlanGroupId
        END,
        Description = CASE WHEN :is_listed = 1 THEN EXCLUDED.Description ELSE RevService.Description END,
        IsActive = 1, IsDeleted = 0, ModifiedBy = :actor, ModifiedDate = :now

-- Mirrors lines that were created or adopted.
-- Safe to run twice: one row a line and account. A row that was there only learns whose the line is and that it lives, unless
-- all that Rev.io shows of it is known (is_listed).
UPDATE dbo.RevService
SET
    RevCustomerId = r.customer_id,
    Number = CASE WHEN :is_listed = 1 THEN r.number ELSE dbo.RevService.Number END,
    Number2 = r.number2,
    ActivatedDate = CASE WHEN :is_listed = 1 THEN r.activated_date ELSE dbo.RevService.ActivatedDate END,
    DisconnectedDate = r.disconnected_date,
    RevServiceTypeId = CASE WHEN :is_listed = 1 THEN r.service_type_id ELSE dbo.RevService.RevServiceTypeId END,
    RevProviderId = CASE WHEN :is_listed = 1 THEN r.provider_id ELSE dbo.RevService.RevProviderId END,
    RevUsagePlanGroupId = CASE WHEN :is_listed = 1 THEN r.usage_plan_group_id ELSE dbo.RevService.RevUsagePlanGroupId END,
    Description = CASE WHEN :is_listed = 1 THEN r.description ELSE dbo.RevService.Description END,
    IsActive = 1, IsDeleted = 0, ModifiedBy = :actor, ModifiedDate = :now
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        customer_id uniqueidentifier '$.customer_id',
        number nvarchar(255) '$.number',
        number2 nvarchar(255) '$.number2',
        activated_date datetime2(3) '$.activated_date',
        disconnected_date datetime2(3) '$.disconnected_date',
        account_id int '$.account_id',
        service_type_id int '$.service_type_id',
        provider_id int '$.provider_id',
        usage_plan_group_id int '$.usage_plan_group_id',
        description nvarchar(1000) '$.description'
    ) AS r
WHERE dbo.RevService.RevServiceId = r.service_id AND dbo.RevService.IntegrationAuthenticationId = r.account_id;
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, DisconnectedDate, IntegrationAuthenticationId,
    RevServiceTypeId, RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    r.service_id, r.customer_id, r.number, r.number2, r.activated_date, r.disconnected_date, r.account_id,
    r.service_type_id, r.provider_id, r.usage_plan_group_id, r.description, :actor, :now, 1, 0
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        customer_id uniqueidentifier '$.customer_id',
        number nvarchar(255) '$.number',
        number2 nvarchar(255) '$.number2',
        activated_date datetime2(3) '$.activated_date',
        disconnected_date datetime2(3) '$.disconnected_date',
        account_id int '$.account_id',
        service_type_id int '$.service_type_id',
        provider_id int '$.provider_id',
        usage_plan_group_id int '$.usage_plan_group_id',
        description nvarchar(1000) '$.description'
    ) AS r
WHERE
    NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l WITH (UPDLOCK, HOLDLOCK)
        WHERE l.RevServiceId = r.service_id AND l.IntegrationAuthenticationId = r.account_id
    );

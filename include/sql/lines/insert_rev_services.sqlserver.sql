-- Mirrors lines that were created or adopted.
-- Safe to run twice: one row a line and account; a row that was there only learns that the line lives.
UPDATE dbo.RevService
SET
    RevCustomerId = r.customer_id, Number2 = r.number2, DisconnectedDate = NULL, IsActive = 1, IsDeleted = 0,
    ModifiedBy = :actor, ModifiedDate = :now
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        customer_id uniqueidentifier '$.customer_id',
        number2 nvarchar(255) '$.number2',
        account_id int '$.account_id'
    ) AS r
WHERE dbo.RevService.RevServiceId = r.service_id AND dbo.RevService.IntegrationAuthenticationId = r.account_id;
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, IntegrationAuthenticationId, RevServiceTypeId,
    RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    r.service_id, r.customer_id, r.number, r.number2, r.activated_date, r.account_id, t.ServiceTypeId, t.ProviderId,
    t.UsagePlanGroupId, t.Description, :actor, :now, 1, 0
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        customer_id uniqueidentifier '$.customer_id',
        number nvarchar(255) '$.number',
        number2 nvarchar(255) '$.number2',
        activated_date datetime2(3) '$.activated_date',
        account_id int '$.account_id',
        terms_id bigint '$.terms_id'
    ) AS r
LEFT JOIN device_association.request_terms AS t ON r.terms_id = t.id
WHERE
    NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l WITH (UPDLOCK, HOLDLOCK)
        WHERE l.RevServiceId = r.service_id AND l.IntegrationAuthenticationId = r.account_id
    );

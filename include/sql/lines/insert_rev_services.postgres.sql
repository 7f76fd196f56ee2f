-- Mirrors lines that were created or adopted.
-- Safe to run twice: one row a line and account; a row that was there only learns that the line lives.
INSERT INTO dbo.RevService (
    RevServiceId, RevCustomerId, Number, Number2, ActivatedDate, IntegrationAuthenticationId, RevServiceTypeId,
    RevProviderId, RevUsagePlanGroupId, Description, CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT
    r.service_id, r.customer_id, r.number, r.number2, r.activated_date, r.account_id, t.ServiceTypeId, t.ProviderId,
    t.UsagePlanGroupId, t.Description, :actor, :now, 1, 0
FROM
    JSONB_TO_RECORDSET(CAST(:lines AS jsonb))
        AS r (
            service_id int, customer_id uuid, number text, number2 text, activated_date timestamptz, account_id int,
            terms_id bigint
        )
LEFT JOIN device_association.request_terms AS t ON r.terms_id = t.id
ON CONFLICT (RevServiceId, IntegrationAuthenticationId) DO UPDATE
    SET
        RevCustomerId = EXCLUDED.RevCustomerId, Number2 = EXCLUDED.Number2, DisconnectedDate = NULL, IsActive = 1,
        IsDeleted = 0, ModifiedBy = :actor, ModifiedDate = :now

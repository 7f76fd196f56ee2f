-- One change as a person sees it, if the user may see it.
-- Safe to run twice: reads only.
SELECT
    c.id AS bulk_change_id,
    c.Status AS status,
    c.TenantId AS tenant_id,
    t.Name AS tenant_name,
    c.ServiceProviderId AS service_provider_id,
    COALESCE(p.DisplayName, p.Name) AS service_provider,
    c.CreatedBy AS created_by,
    c.CreatedDate AS created_date,
    c.ProcessedDate AS processed_date,
    c.StatusDetails AS status_details,
    COALESCE(s.RetryNumber, 0) AS retry_number,
    s.Reason AS reason,
    (
        SELECT MIN(k.CustomerName)
        FROM device_association.request_terms AS q
        INNER JOIN dbo.RevCustomer AS k ON q.RevCustomerId = k.id
        WHERE q.BulkChangeId = c.id
    ) AS customer_name,
    first.RevertedChangeId AS reverts,
    later.BulkChangeId AS reverted_by,
    s.ClaimRunId AS claim_run_id,
    s.RunKey AS run_key,
    x.Code AS stop_code,
    x.Reason AS stop_reason,
    x.Actor AS stopped_by
FROM device_association.visible_change AS v
INNER JOIN dbo.DeviceBulkChange AS c ON v.BulkChangeId = c.id
INNER JOIN dbo.Tenant AS t ON c.TenantId = t.id
INNER JOIN dbo.ServiceProvider AS p ON c.ServiceProviderId = p.id
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
LEFT JOIN device_association.change_stop AS x ON s.BulkChangeId = x.BulkChangeId AND s.RetryNumber = x.RetryNumber
LEFT JOIN device_association.reversal AS first ON c.id = first.BulkChangeId
LEFT JOIN device_association.reversal AS later ON c.id = later.RevertedChangeId
WHERE v.UserId = :user_id AND c.id = :bulk_change_id

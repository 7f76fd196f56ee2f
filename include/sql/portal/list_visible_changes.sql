-- A page of the changes that the user may see, newest first, from below an id.
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
    ) AS customer_name
FROM device_association.visible_change AS v
INNER JOIN dbo.DeviceBulkChange AS c ON v.BulkChangeId = c.id
INNER JOIN dbo.Tenant AS t ON c.TenantId = t.id
INNER JOIN dbo.ServiceProvider AS p ON c.ServiceProviderId = p.id
LEFT JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
WHERE
    v.UserId = :user_id
    AND c.id < :before
    AND c.Status = COALESCE(:status, c.Status)
    AND c.CreatedBy = COALESCE(:created_by, c.CreatedBy)
    AND (
        :customer IS NULL
        OR EXISTS (
            SELECT 1
            FROM device_association.request_terms AS q
            INNER JOIN dbo.RevCustomer AS k ON q.RevCustomerId = k.id
            WHERE
                q.BulkChangeId = c.id
                AND (UPPER(k.CustomerName) LIKE :customer ESCAPE '!' OR UPPER(k.RevCustomerId) LIKE :customer ESCAPE '!')
        )
    )
    AND c.CreatedDate >= COALESCE(:since, c.CreatedDate)
    AND c.CreatedDate <= COALESCE(:until, c.CreatedDate)
ORDER BY c.id DESC OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

-- A page of the active lines that Rev.io shows for a customer of ours and the mirror lacks. When they were activated is not
-- listed: the day of their creation stands for it.
-- Safe to run twice: reads only.
SELECT
    v.RevServiceId AS id,
    'MIRROR_ROW_MISSING' AS kind,
    CONCAT('line ', v.IntegrationAuthenticationId, '/', v.RevServiceId) AS subject,
    CONCAT(
        'Rev.io bills line ', v.RevServiceId, ' to customer ', v.CustomerNumber, ' for ', COALESCE(v.Number2, v.Number, 'no SIM'),
        '; the mirror lacked it'
    ) AS detail,
    k.TenantId AS tenant_id,
    v.Number2 AS iccid,
    v.RevServiceId AS service_id,
    v.IntegrationAuthenticationId AS account_id,
    k.id AS customer_id,
    v.Number AS number,
    v.Number2 AS number2,
    v.CreatedDate AS activated_date
FROM device_association.revio_snapshot_line AS v
INNER JOIN dbo.RevCustomer AS k
    ON v.CustomerNumber = k.RevCustomerId AND v.IntegrationAuthenticationId = k.IntegrationAuthenticationId AND k.IsDeleted = 0
WHERE
    v.IntegrationAuthenticationId = :account_id
    AND v.RevServiceId > :after
    AND (v.DisconnectedDate IS NULL OR v.DisconnectedDate > v.ListedDate)
    AND COALESCE(v.CreatedDate, :since) >= :since
    AND COALESCE(v.CreatedDate, :since) < :until
    AND NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l
        WHERE l.RevServiceId = v.RevServiceId AND l.IntegrationAuthenticationId = v.IntegrationAuthenticationId
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = v.Number2)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = v.Number)
ORDER BY v.RevServiceId OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

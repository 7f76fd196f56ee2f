-- A page of the lines that we created or adopted and the mirror lacks; those that Rev.io shows, or that are newer than its list.
-- What Rev.io shows of them counts, else what was asked for.
-- Safe to run twice: reads only.
SELECT
    i.id AS id,
    'INTENT_WITHOUT_MIRROR_ROW' AS kind,
    CONCAT('line ', i.IntegrationAuthenticationId, '/', i.RevServiceId) AS subject,
    CONCAT(
        'bulk change ', i.BulkChangeId, ' has line ', i.RevServiceId, ' of customer ', k.RevCustomerId, ' for SIM ', i.ICCID,
        '; the mirror lacked it'
    ) AS detail,
    k.TenantId AS tenant_id,
    i.ICCID AS iccid,
    i.RevServiceId AS service_id,
    i.IntegrationAuthenticationId AS account_id,
    COALESCE(w.id, i.RevCustomerId) AS customer_id,
    CASE WHEN v.Number IS NULL AND v.Number2 IS NULL THEN COALESCE(i.MSISDN, i.ICCID) ELSE v.Number END AS number,
    CASE WHEN v.Number IS NULL AND v.Number2 IS NULL THEN i.ICCID ELSE v.Number2 END AS number2,
    COALESCE(v.CreatedDate, i.CreatedDate) AS activated_date
FROM device_association.line_intent AS i
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
LEFT JOIN device_association.revio_snapshot_line AS v
    ON i.RevServiceId = v.RevServiceId AND i.IntegrationAuthenticationId = v.IntegrationAuthenticationId
LEFT JOIN dbo.RevCustomer AS w
    ON v.CustomerNumber = w.RevCustomerId AND v.IntegrationAuthenticationId = w.IntegrationAuthenticationId AND w.IsDeleted = 0
WHERE
    i.IntegrationAuthenticationId = :account_id
    AND i.id > :after
    AND i.State IN ('CREATED', 'ADOPTED')
    AND (
        (v.RevServiceId IS NOT NULL AND (v.DisconnectedDate IS NULL OR v.DisconnectedDate > v.ListedDate))
        OR (v.RevServiceId IS NULL AND i.ModifiedDate >= :settled)
    )
    AND (
        (i.CreatedDate >= :since AND i.CreatedDate < :until)
        OR (i.ModifiedDate >= :since AND i.ModifiedDate < :until)
        OR (v.CreatedDate >= :since AND v.CreatedDate < :until)
    )
    AND NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l
        WHERE l.RevServiceId = i.RevServiceId AND l.IntegrationAuthenticationId = i.IntegrationAuthenticationId
    )
    AND NOT EXISTS (
        SELECT 1 FROM device_association.line_intent AS n
        WHERE n.RevServiceId = i.RevServiceId AND n.IntegrationAuthenticationId = i.IntegrationAuthenticationId AND n.id > i.id
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = i.ICCID)
ORDER BY i.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

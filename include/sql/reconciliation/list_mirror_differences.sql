-- A page of the mirror's rows that say something else of a line than Rev.io does. A row written since the listing began knows better.
-- Safe to run twice: reads only.
SELECT
    l.id AS id,
    CASE
        WHEN v.DisconnectedDate <= v.ListedDate THEN 'MIRROR_LINE_DISCONNECTED'
        WHEN l.IsDeleted = 1 OR l.IsActive = 0 OR l.DisconnectedDate <= v.ListedDate THEN 'MIRROR_LINE_ACTIVE'
        WHEN k.id IS NOT NULL AND (l.RevCustomerId IS NULL OR l.RevCustomerId <> k.id) THEN 'MIRROR_OF_WRONG_CUSTOMER'
        WHEN v.Number2 IS NOT NULL AND (l.Number2 IS NULL OR l.Number2 <> v.Number2) THEN 'MIRROR_OF_WRONG_SIM'
        ELSE 'MIRROR_END_DATE_DIFFERS'
    END AS kind,
    CONCAT('line ', v.IntegrationAuthenticationId, '/', v.RevServiceId) AS subject,
    CONCAT(
        'Rev.io: customer ', v.CustomerNumber, ', SIM ', v.Number2, ', ends ',
        COALESCE(CAST(CAST(v.DisconnectedDate AS date) AS varchar(10)), 'never'),
        '; the mirror said: customer ', m.RevCustomerId, ', SIM ', l.Number2, ', ends ',
        COALESCE(CAST(CAST(l.DisconnectedDate AS date) AS varchar(10)), 'never')
    ) AS detail,
    CASE WHEN k.TenantId = m.TenantId THEN k.TenantId ELSE a.TenantId END AS tenant_id,
    COALESCE(v.Number2, l.Number2) AS iccid,
    v.RevServiceId AS service_id
FROM device_association.vendor_line AS v
INNER JOIN dbo.Integration_Authentication AS a ON v.IntegrationAuthenticationId = a.id
INNER JOIN dbo.RevService AS l
    ON v.RevServiceId = l.RevServiceId AND v.IntegrationAuthenticationId = l.IntegrationAuthenticationId
LEFT JOIN dbo.RevCustomer AS k
    ON v.CustomerNumber = k.RevCustomerId AND v.IntegrationAuthenticationId = k.IntegrationAuthenticationId AND k.IsDeleted = 0
LEFT JOIN dbo.RevCustomer AS m ON l.RevCustomerId = m.id
WHERE
    v.IntegrationAuthenticationId = :account_id
    AND l.id > :after
    AND COALESCE(l.ModifiedDate, l.CreatedDate) < v.ListedDate
    AND (
        (
            v.DisconnectedDate <= v.ListedDate
            AND l.IsDeleted = 0
            AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > v.ListedDate)
        )
        OR (
            (v.DisconnectedDate IS NULL OR v.DisconnectedDate > v.ListedDate)
            AND (
                l.IsDeleted = 1
                OR l.IsActive = 0
                OR l.DisconnectedDate <= v.ListedDate
                OR (k.id IS NOT NULL AND (l.RevCustomerId IS NULL OR l.RevCustomerId <> k.id))
                OR (v.Number2 IS NOT NULL AND (l.Number2 IS NULL OR l.Number2 <> v.Number2))
                OR COALESCE(CAST(v.DisconnectedDate AS date), CAST('9999-01-01' AS date))
                <> COALESCE(CAST(l.DisconnectedDate AS date), CAST('9999-01-01' AS date))
            )
        )
    )
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number2)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = l.Number)
    AND (
        (l.CreatedDate >= :since AND l.CreatedDate < :until)
        OR (l.ModifiedDate >= :since AND l.ModifiedDate < :until)
        OR (v.DisconnectedDate >= :since AND v.DisconnectedDate < :until)
        OR (COALESCE(v.CreatedDate, :since) >= :since AND COALESCE(v.CreatedDate, :since) < :until)
    )
ORDER BY l.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

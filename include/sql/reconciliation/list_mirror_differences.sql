-- A page of the mirror's rows that say something else of a line than Rev.io does. A row written since the listing began knows better;
-- an end in the year 9999 is none. A line without a SIM is known by its number, unless its record cannot be judged (by_number).
-- Safe to run twice: reads only.
SELECT
    l.id AS id,
    CASE
        WHEN v.DisconnectedDate <= v.ListedDate THEN 'MIRROR_LINE_DISCONNECTED'
        WHEN l.IsDeleted = 1 OR l.IsActive = 0 OR l.DisconnectedDate <= v.ListedDate THEN 'MIRROR_LINE_ACTIVE'
        WHEN k.id IS NOT NULL AND (l.RevCustomerId IS NULL OR l.RevCustomerId <> k.id) THEN 'MIRROR_OF_WRONG_CUSTOMER'
        WHEN v.Number2 IS NOT NULL AND (l.Number2 IS NULL OR l.Number2 <> v.Number2) THEN 'MIRROR_OF_WRONG_SIM'
        WHEN v.by_number = 1 AND (l.Number2 <> '' OR l.Number IS NULL OR l.Number <> v.Number) THEN 'MIRROR_OF_WRONG_SIM'
        ELSE 'MIRROR_END_DATE_DIFFERS'
    END AS kind,
    CONCAT('line ', v.IntegrationAuthenticationId, '/', v.RevServiceId) AS subject,
    CONCAT(
        'Rev.io: customer ', v.CustomerNumber, ', SIM ', COALESCE(v.Number2, v.Number), ', ends ',
        COALESCE(CAST(CAST(v.DisconnectedDate AS date) AS varchar(10)), 'never'),
        '; the mirror said: customer ', m.RevCustomerId, ', SIM ', COALESCE(l.Number2, l.Number), ', ends ',
        COALESCE(CAST(CAST(l.DisconnectedDate AS date) AS varchar(10)), 'never')
    ) AS detail,
    CASE WHEN k.TenantId = m.TenantId THEN k.TenantId ELSE a.TenantId END AS tenant_id,
    COALESCE(v.Number2, l.Number2) AS iccid,
    v.RevServiceId AS service_id
FROM (
    SELECT
        w.IntegrationAuthenticationId, w.RevServiceId, w.CustomerNumber, w.Number, w.Number2, w.CreatedDate,
        w.DisconnectedDate, w.ListedDate,
        CASE
            WHEN
                w.Number2 IS NULL
                AND w.Number IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1 FROM device_association.unjudged_line AS u
                    WHERE
                        u.IntegrationAuthenticationId = w.IntegrationAuthenticationId
                        AND u.RevServiceId = w.RevServiceId
                )
                THEN 1
            ELSE 0
        END AS by_number
    FROM device_association.revio_snapshot_line AS w
) AS v
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
                OR (v.by_number = 1 AND (l.Number2 <> '' OR l.Number IS NULL OR l.Number <> v.Number))
                OR CASE WHEN v.DisconnectedDate < CAST('9999-01-01' AS date) THEN CAST(v.DisconnectedDate AS date) ELSE CAST('9999-01-01' AS date) END
                <> CASE WHEN l.DisconnectedDate < CAST('9999-01-01' AS date) THEN CAST(l.DisconnectedDate AS date) ELSE CAST('9999-01-01' AS date) END
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

-- A page of the devices of an account whose link is not what UPDATE_DEVICE_REV_SERVICE_LINKS would make it: the newest active
-- line of their customer, by ICCID, else by MSISDN; else the line they are linked to while it lives.
-- Safe to run twice: reads only.
WITH touched AS (
    SELECT DISTINCT w.RevServiceId
    FROM device_association.line_moment AS w
    WHERE w.AccountId = :account_id AND ((w.Moment >= :since AND w.Moment < :until) OR w.Moment >= :listed)
),

scoped AS (
    SELECT t.id
    FROM dbo.Device_Tenant AS t
    WHERE
        (t.CreatedDate >= :since AND t.CreatedDate < :until)
        OR (t.ModifiedDate >= :since AND t.ModifiedDate < :until)
        OR t.ModifiedDate >= :listed
    UNION
    SELECT t.id
    FROM touched AS w
    INNER JOIN device_association.line_key AS l ON w.RevServiceId = l.RevServiceId AND l.AccountId = :account_id
    INNER JOIN device_association.sim_key AS k ON l.IsSim = k.IsSim AND l.Digits = k.Digits
    INNER JOIN dbo.Device_Tenant AS t ON k.DeviceId = t.DeviceId
    UNION
    SELECT t.id
    FROM touched AS w
    INNER JOIN dbo.RevService AS l ON w.RevServiceId = l.RevServiceId AND l.IntegrationAuthenticationId = :account_id
    INNER JOIN dbo.Device_Tenant AS t ON l.id = t.RevServiceId
),

devices AS (
    SELECT
        t.id, t.TenantId, t.RevServiceId AS linked, d.id AS device_id, d.ICCID AS iccid, k.id AS customer_id,
        k.IntegrationAuthenticationId AS account_id, c.RevCustomerId AS linked_customer, c.RevServiceId AS linked_number,
        CASE
            WHEN c.IsDeleted = 0 AND (c.DisconnectedDate IS NULL OR c.DisconnectedDate > :now) THEN 1 ELSE 0
        END AS link_lives
    FROM scoped AS s
    INNER JOIN dbo.Device_Tenant AS t ON s.id = t.id
    INNER JOIN dbo.Device AS d ON t.DeviceId = d.id
    LEFT JOIN dbo.RevService AS c ON t.RevServiceId = c.id
    LEFT JOIN dbo.RevCustomer AS k
        ON
            t.AccountNumber = k.RevCustomerId
            AND t.AccountNumberIntegrationAuthenticationId = k.IntegrationAuthenticationId
            AND k.IsDeleted = 0
    WHERE
        t.IsDeleted = 0
        AND t.id > :after
        AND (t.AccountNumberIntegrationAuthenticationId = :account_id OR c.IntegrationAuthenticationId = :account_id)
        AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = d.ICCID)
),

candidates AS (
    SELECT d.id, l.LineId AS line_id, k.IsSim AS by_sim, l.ActivatedDate AS since, l.RevServiceId AS number
    FROM devices AS d
    INNER JOIN device_association.sim_key AS k ON d.device_id = k.DeviceId
    INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    WHERE
        -- no join by it: a customer's devices and lines would be paired each with each
        CASE WHEN d.customer_id = l.RevCustomerId AND d.account_id = l.AccountId THEN 1 ELSE 0 END > 0
        AND l.IsDeleted = 0
        AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
),

ranked AS (
    SELECT
        c.id,
        c.line_id,
        ROW_NUMBER() OVER (
            PARTITION BY c.id
            ORDER BY c.by_sim DESC, CASE WHEN c.since IS NULL THEN 1 ELSE 0 END, c.since DESC, c.number DESC
        ) AS place
    FROM candidates AS c
)

SELECT
    d.id AS id,
    CASE
        WHEN d.linked IS NULL THEN 'LINK_MISSING'
        WHEN d.link_lives = 0 THEN 'LINK_TO_DISCONNECTED_LINE'
        WHEN d.linked_customer IS NULL OR d.linked_customer <> d.customer_id THEN 'LINK_TO_OTHER_CUSTOMER'
        ELSE 'LINK_TO_OLDER_LINE'
    END AS kind,
    CONCAT('device ', d.id) AS subject,
    CONCAT(
        'the link was to line ', COALESCE(CAST(d.linked_number AS varchar(20)), 'none'), ', now it is to ',
        COALESCE(CAST(l.RevServiceId AS varchar(20)), 'none')
    ) AS detail,
    d.TenantId AS tenant_id,
    d.iccid AS iccid,
    COALESCE(l.RevServiceId, d.linked_number) AS service_id,
    d.linked AS linked,
    l.id AS wanted
FROM devices AS d
LEFT JOIN ranked AS r ON d.id = r.id AND r.place < 2
LEFT JOIN dbo.RevService AS l ON l.id = COALESCE(r.line_id, CASE WHEN d.link_lives = 1 THEN d.linked END)
WHERE COALESCE(d.linked, 0) <> COALESCE(l.id, 0)
ORDER BY d.id OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY -- noqa: PRS

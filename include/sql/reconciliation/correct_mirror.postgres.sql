-- Lets rows of the mirror say of their lines what Rev.io says. A line without a SIM is known by its number, unless its record
-- cannot be judged (by_number).
-- Safe to run twice: a row that was written since the listing began is not touched.
UPDATE dbo.RevService AS l
SET
    RevCustomerId = CASE WHEN w.lives = 1 THEN COALESCE(w.customer_id, l.RevCustomerId) ELSE l.RevCustomerId END,
    Number = CASE WHEN w.lives = 1 AND w.by_number = 1 THEN w.Number ELSE l.Number END,
    Number2 = CASE WHEN w.lives = 1 AND w.by_number = 1 THEN NULL WHEN w.lives = 1 THEN COALESCE(w.Number2, l.Number2) ELSE l.Number2 END,
    DisconnectedDate = w.DisconnectedDate,
    IsActive = w.lives,
    IsDeleted = CASE WHEN w.lives = 1 THEN 0 ELSE l.IsDeleted END,
    ModifiedBy = :actor,
    ModifiedDate = :now
FROM (
    SELECT
        r.id, v.DisconnectedDate, v.Number, v.Number2, v.ListedDate, k.id AS customer_id,
        CASE WHEN v.DisconnectedDate <= v.ListedDate THEN 0 ELSE 1 END AS lives,
        CASE
            WHEN
                v.Number2 IS NULL
                AND v.Number IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1 FROM device_association.unjudged_line AS u
                    WHERE
                        u.IntegrationAuthenticationId = v.IntegrationAuthenticationId
                        AND u.RevServiceId = v.RevServiceId
                )
                THEN 1
            ELSE 0
        END AS by_number
    FROM JSONB_TO_RECORDSET(CAST(:found AS jsonb)) AS r (id int, service_id int)
    INNER JOIN device_association.revio_snapshot_line AS v
        ON r.service_id = v.RevServiceId AND v.IntegrationAuthenticationId = :account_id
    LEFT JOIN dbo.RevCustomer AS k
        ON
            v.CustomerNumber = k.RevCustomerId AND v.IntegrationAuthenticationId = k.IntegrationAuthenticationId
            AND k.IsDeleted = 0
) AS w
WHERE
    l.id = w.id
    AND COALESCE(l.ModifiedDate, l.CreatedDate) < w.ListedDate

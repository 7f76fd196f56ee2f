-- Lets rows of the mirror say of their lines what Rev.io says. A line without a SIM is known by its number, unless its record
-- cannot be judged (by_number).
-- Safe to run twice: a row that was written since the listing began is not touched.
UPDATE dbo.RevService
SET
    RevCustomerId = CASE WHEN w.lives = 1 THEN COALESCE(w.customer_id, dbo.RevService.RevCustomerId) ELSE dbo.RevService.RevCustomerId END,
    Number = CASE WHEN w.lives = 1 AND w.by_number = 1 THEN w.Number ELSE dbo.RevService.Number END,
    Number2 = CASE WHEN w.lives = 1 AND w.by_number = 1 THEN NULL WHEN w.lives = 1 THEN COALESCE(w.Number2, dbo.RevService.Number2) ELSE dbo.RevService.Number2 END,
    DisconnectedDate = w.DisconnectedDate,
    IsActive = w.lives,
    IsDeleted = CASE WHEN w.lives = 1 THEN 0 ELSE dbo.RevService.IsDeleted END,
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
    FROM OPENJSON (:found) WITH (id int '$.id', service_id int '$.service_id') AS r
    INNER JOIN device_association.revio_snapshot_line AS v
        ON r.service_id = v.RevServiceId AND v.IntegrationAuthenticationId = :account_id
    LEFT JOIN dbo.RevCustomer AS k
        ON
            v.CustomerNumber = k.RevCustomerId AND v.IntegrationAuthenticationId = k.IntegrationAuthenticationId
            AND k.IsDeleted = 0
) AS w
WHERE
    dbo.RevService.id = w.id
    AND COALESCE(dbo.RevService.ModifiedDate, dbo.RevService.CreatedDate) < w.ListedDate;

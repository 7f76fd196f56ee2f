-- How many active lines of an account the mirror knows that were written before a moment.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS known
FROM dbo.RevService AS l
WHERE
    l.IntegrationAuthenticationId = :account_id
    AND l.IsDeleted = 0
    AND (l.DisconnectedDate IS NULL OR l.DisconnectedDate > :now)
    AND COALESCE(l.ModifiedDate, l.CreatedDate) < :now

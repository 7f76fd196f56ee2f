-- The lines that Rev.io showed and that the mirror lacks, by the numbers that name a SIM: new ones, those of customers whom the
-- portal does not know, and those that nobody could judge. Who owns such a line is not known, but that it is billed is. One
-- that the mirror had as deleted or ended when Rev.io showed it counts too; one that was ended in the mirror since does not.
-- Alembic runs this once.
CREATE VIEW device_association.unmirrored_line AS
SELECT
    n.MatchKey,
    v.IntegrationAuthenticationId AS AccountId,
    v.RevServiceId,
    v.CustomerNumber,
    v.DisconnectedDate
FROM device_association.revio_snapshot_line_key AS n
INNER JOIN device_association.revio_snapshot_line AS v
    ON n.IntegrationAuthenticationId = v.IntegrationAuthenticationId AND n.RevServiceId = v.RevServiceId
WHERE
    NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l
        WHERE
            l.IntegrationAuthenticationId = v.IntegrationAuthenticationId
            AND l.RevServiceId = v.RevServiceId
            AND l.IsDeleted = 0
            AND (
                l.DisconnectedDate IS NULL
                OR l.DisconnectedDate > v.ListedDate
                OR COALESCE(l.ModifiedDate, l.CreatedDate) >= v.ListedDate
            )
    );

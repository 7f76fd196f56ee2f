-- When something about a line was written, here or at Rev.io. What is reported of a line keeps it in sight for good.
-- Alembic runs this once.
CREATE VIEW device_association.line_moment AS
SELECT
    l.IntegrationAuthenticationId AS AccountId,
    l.RevServiceId AS RevServiceId,
    l.Number AS Number,
    l.Number2 AS Number2,
    CAST(l.CreatedDate AS timestamptz (3)) AS Moment
FROM dbo.RevService AS l
UNION ALL
SELECT l.IntegrationAuthenticationId, l.RevServiceId, l.Number, l.Number2, l.ModifiedDate
FROM dbo.RevService AS l
WHERE l.ModifiedDate IS NOT NULL
UNION ALL
SELECT v.IntegrationAuthenticationId, v.RevServiceId, v.Number, v.Number2, COALESCE(v.CreatedDate, v.ListedDate)
FROM device_association.revio_snapshot_line AS v
UNION ALL
SELECT v.IntegrationAuthenticationId, v.RevServiceId, v.Number, v.Number2, v.DisconnectedDate
FROM device_association.revio_snapshot_line AS v
WHERE v.DisconnectedDate <= v.ListedDate
UNION ALL
SELECT
    f.IntegrationAuthenticationId, f.RevServiceId, CAST(NULL AS varchar(255)), CAST(NULL AS varchar(255)),
    CAST('9999-01-01' AS timestamptz (3))
FROM device_association.finding AS f
WHERE f.ClosedDate IS NULL AND f.RevServiceId IS NOT NULL;

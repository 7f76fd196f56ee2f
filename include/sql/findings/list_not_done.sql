-- What a job could not do in an earlier pass and has not done since.
-- Safe to run twice: reads only.
SELECT f.Subject AS subject
FROM device_association.finding AS f
WHERE f.ClosedDate IS NULL AND f.Kind = 'WORK_FAILED' AND LEFT(f.Subject, CAST(:length AS int)) = :job

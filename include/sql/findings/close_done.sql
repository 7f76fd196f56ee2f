-- Closes what a job could not do in an earlier pass and did not report again in the pass that began at this moment.
-- Safe to run twice: only an open finding that was not seen since is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE
    ClosedDate IS NULL
    AND Kind = 'WORK_FAILED'
    AND LEFT(Subject, CAST(:length AS int)) = :job
    AND SeenDate < :now

-- Closes what a job could not do, once it has.
-- Safe to run twice: only an open finding is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE ClosedDate IS NULL AND Kind = 'WORK_FAILED' AND Subject = :subject

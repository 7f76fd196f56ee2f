-- Closes what a redrive could not do of messages that have not been seen in the dead-letter queue for a while: they are gone.
-- Safe to run twice: only an open finding is touched.
UPDATE device_association.finding SET ClosedDate = :now
WHERE
    ClosedDate IS NULL
    AND Kind = 'WORK_FAILED'
    AND SeenDate < :not_seen_since
    AND LEFT(Subject, CAST(:length AS int)) = :job
    AND NOT EXISTS (
        SELECT 1 FROM device_association.dead_letter AS d
        WHERE CONCAT(:job, d.MessageId) = device_association.finding.Subject AND d.SeenDate >= :not_seen_since
    )

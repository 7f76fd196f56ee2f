-- Notes that a job is at work.
-- Safe to run twice: one row a job.
UPDATE device_association.heartbeat SET SeenDate = :now
WHERE Name = :job

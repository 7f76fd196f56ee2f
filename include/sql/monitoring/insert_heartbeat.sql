-- Notes a job's first time at work.
-- Safe to run twice: one row a job.
INSERT INTO device_association.heartbeat (Name, SeenDate)
SELECT :job, :now
WHERE NOT EXISTS (SELECT 1 FROM device_association.heartbeat AS j WHERE j.Name = :job)

-- Notes a job's first time at work.
-- Safe to run twice: one row a job.
INSERT INTO device_association.job (Name, SeenDate)
SELECT :job, :now
WHERE NOT EXISTS (SELECT 1 FROM device_association.job AS j WHERE j.Name = :job)

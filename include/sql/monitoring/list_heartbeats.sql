-- When each of our jobs was last seen at work.
-- Safe to run twice: reads only.
SELECT j.Name AS job, j.SeenDate AS seen
FROM device_association.heartbeat AS j

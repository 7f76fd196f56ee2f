-- The DAGs of which runs failed or were late since then, and what stands still now.
-- Safe to run twice: reads only.
SELECT a.Name AS alarm, a.Subject AS dag_id
FROM device_association.alarm AS a
WHERE
    (a.Name IN ('run_failed', 'run_late') AND a.RaisedDate >= :since)
    OR (a.Name = 'run_stopped' AND a.EndedDate IS NULL)
ORDER BY a.Subject, a.Name

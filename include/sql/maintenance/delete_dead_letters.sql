-- Deletes dead letters that were decided long ago, so many at most.
-- Safe to run twice: what is open or recent stays.
DELETE FROM device_association.dead_letter
WHERE
    id IN (
        SELECT x.id FROM device_association.dead_letter AS x
        WHERE x.State <> 'FOUND' AND x.DecidedDate < :ended_before
        ORDER BY x.id OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
    )

-- Deletes findings that were closed long ago, so many at most.
-- Safe to run twice: what is open or recent stays.
DELETE FROM device_association.finding
WHERE
    id IN (
        SELECT x.id FROM device_association.finding AS x
        WHERE x.ClosedDate < :ended_before
        ORDER BY x.id OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS
    )

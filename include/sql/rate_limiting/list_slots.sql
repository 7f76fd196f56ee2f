-- The slots of an account that are free first.
-- Safe to run twice: reads only.
SELECT s.SlotNumber AS number, s.FreeFrom AS free_from
FROM device_association.call_slot AS s
INNER JOIN device_association.call_budget AS b ON s.ConnectionId = b.ConnectionId AND s.SlotNumber <= b.CallsPerMinute
WHERE s.ConnectionId = :connection_id
ORDER BY s.FreeFrom, s.SlotNumber OFFSET 0 ROWS FETCH NEXT :wanted ROWS ONLY -- noqa: PRS

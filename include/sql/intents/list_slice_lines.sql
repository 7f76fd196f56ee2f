-- The listed lines that may be a line of one of a slice's SIMs; what is a match is decided by the caller.
-- Safe to run twice: reads only.
SELECT
    i.id AS intent_id,
    l.RevServiceId AS service_id,
    l.Number AS number,
    l.Number2 AS number2,
    l.CreatedDate AS created
FROM device_association.rev_service_slice AS s
INNER JOIN device_association.rev_intent AS i
    ON s.BulkChangeId = i.BulkChangeId AND i.M2MDeviceChangeId BETWEEN s.FirstRowId AND s.LastRowId
INNER JOIN device_association.listed_line AS l
    ON s.BulkChangeId = l.BulkChangeId AND s.RetryNumber = l.RetryNumber AND i.ICCID = l.Number2
WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.SliceNumber = :slice_number
UNION
SELECT
    i.id AS intent_id,
    l.RevServiceId AS service_id,
    l.Number AS number,
    l.Number2 AS number2,
    l.CreatedDate AS created
FROM device_association.rev_service_slice AS s
INNER JOIN device_association.rev_intent AS i
    ON s.BulkChangeId = i.BulkChangeId AND i.M2MDeviceChangeId BETWEEN s.FirstRowId AND s.LastRowId
INNER JOIN device_association.listed_line AS l
    ON s.BulkChangeId = l.BulkChangeId AND s.RetryNumber = l.RetryNumber AND l.Number IN (i.ICCID, i.MSISDN)
WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.SliceNumber = :slice_number

-- Keeps the active lines that Rev.io listed for a change's customers.
-- Safe to run twice: a line is kept once.
INSERT INTO device_association.listed_line (BulkChangeId, RetryNumber, RevServiceId, Number, Number2, CreatedDate)
SELECT :bulk_change_id, :retry_number, l.service_id, MIN(l.number), MIN(l.number2), MIN(l.created)
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        number nvarchar(255) '$.number',
        number2 nvarchar(255) '$.number2',
        created datetime2(3) '$.created'
    ) AS l
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.listed_line AS x WITH (UPDLOCK, HOLDLOCK)
        WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number AND x.RevServiceId = l.service_id
    )
GROUP BY l.service_id;

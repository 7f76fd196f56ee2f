-- Keeps records of an account that cannot be judged.
-- Safe to run twice: a record is kept once.
INSERT INTO device_association.unjudged_line (
    IntegrationAuthenticationId, LineKey, Record, RevServiceId, CustomerNumber, DisconnectedDate, ListedDate
)
SELECT :account_id, l.line_key, l.record, l.service_id, l.customer_number, l.disconnected, :listed
FROM
    OPENJSON (:lines)
    WITH (
        line_key varchar(64) '$.line_key',
        record nvarchar(MAX) '$.record' AS JSON,
        service_id int '$.service_id',
        customer_number nvarchar(50) '$.customer_number',
        disconnected datetime2(3) '$.disconnected'
    ) AS l
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.unjudged_line AS x
        WHERE x.IntegrationAuthenticationId = :account_id AND x.LineKey = l.line_key
    );

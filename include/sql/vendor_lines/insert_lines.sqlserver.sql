-- Keeps lines of an account as Rev.io listed them.
-- Safe to run twice: a line is kept once.
INSERT INTO device_association.vendor_line (
    IntegrationAuthenticationId, RevServiceId, CustomerNumber, Number, Number2, CreatedDate, DisconnectedDate, ListedDate
)
SELECT :account_id, l.service_id, l.customer_number, l.number, l.number2, l.created, l.disconnected, :listed
FROM
    OPENJSON (:lines)
    WITH (
        service_id int '$.service_id',
        customer_number nvarchar(50) '$.customer_number',
        number nvarchar(255) '$.number',
        number2 nvarchar(255) '$.number2',
        created datetime2(3) '$.created',
        disconnected datetime2(3) '$.disconnected'
    ) AS l
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.vendor_line AS x
        WHERE x.IntegrationAuthenticationId = :account_id AND x.RevServiceId = l.service_id
    );

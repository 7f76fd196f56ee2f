-- Keeps lines of an account as Rev.io shows them.
-- Safe to run twice: a line is kept once; one that is shown as it is known stays as old as it is.
UPDATE device_association.revio_snapshot_line
SET
    CustomerNumber = l.customer_number, Number = l.number, Number2 = l.number2, CreatedDate = l.created,
    DisconnectedDate = l.disconnected, ListedDate = :listed, ShownDate = :shown
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
    device_association.revio_snapshot_line.IntegrationAuthenticationId = :account_id
    AND device_association.revio_snapshot_line.RevServiceId = l.service_id
    AND (
        COALESCE(device_association.revio_snapshot_line.CustomerNumber, '') <> COALESCE(l.customer_number, '')
        OR COALESCE(device_association.revio_snapshot_line.Number, '') <> COALESCE(l.number, '')
        OR COALESCE(device_association.revio_snapshot_line.Number2, '') <> COALESCE(l.number2, '')
        OR COALESCE(device_association.revio_snapshot_line.DisconnectedDate, '1900-01-01') <> COALESCE(l.disconnected, '1900-01-01')
    );
INSERT INTO device_association.revio_snapshot_line (
    IntegrationAuthenticationId, RevServiceId, CustomerNumber, Number, Number2, CreatedDate, DisconnectedDate, ListedDate,
    ShownDate
)
SELECT :account_id, l.service_id, l.customer_number, l.number, l.number2, l.created, l.disconnected, :listed, :shown
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
        SELECT 1 FROM device_association.revio_snapshot_line AS x
        WHERE x.IntegrationAuthenticationId = :account_id AND x.RevServiceId = l.service_id
    );

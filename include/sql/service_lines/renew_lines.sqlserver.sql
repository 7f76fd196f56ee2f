-- Lets the lines of an account that a listing shows as they are known be those of this listing; since when they are known stays.
-- Safe to run twice: the second time sets the same.
UPDATE device_association.revio_snapshot_line
SET CreatedDate = l.created, ListedDate = :listed
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
    AND COALESCE(device_association.revio_snapshot_line.CustomerNumber, '') = COALESCE(l.customer_number, '')
    AND COALESCE(device_association.revio_snapshot_line.Number, '') = COALESCE(l.number, '')
    AND COALESCE(device_association.revio_snapshot_line.Number2, '') = COALESCE(l.number2, '')
    AND COALESCE(device_association.revio_snapshot_line.DisconnectedDate, '1900-01-01') = COALESCE(l.disconnected, '1900-01-01');

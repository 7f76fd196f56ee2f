-- Writes one row, one payload and one requested device for each ICCID of a new bulk change, in the order of the request.
-- A second run fails on the unique key (BulkChangeId, ICCID), and with it the whole transaction.
DECLARE @requested TABLE (
    place int NOT NULL PRIMARY KEY,
    iccid nvarchar(50) NOT NULL,
    device_id int NULL,
    msisdn nvarchar(50) NULL,
    effective_date datetime2(3) NOT NULL
);
DECLARE @payloads TABLE (id bigint NOT NULL, payload nvarchar(MAX) NOT NULL);

INSERT INTO @requested (place, iccid, device_id, msisdn, effective_date)
SELECT
    CAST(i.[key] AS int),
    i.[value],
    d.id,
    d.MSISDN,
    COALESCE(
        CAST(:effective_date AS datetime2(3)),
        d.DateActivated,
        (
            SELECT MIN(h.DateOfChange)
            FROM dbo.DeviceStatusHistory AS h
            INNER JOIN dbo.DeviceStatus AS s ON UPPER(h.CurrentStatus) = UPPER(s.Status) AND s.IsActiveStatus = 1
            WHERE h.ICCID = i.[value]
        ),
        CAST(:now AS datetime2(3))
    )
FROM OPENJSON(:iccids) AS i
LEFT JOIN dbo.Device AS d
    ON
        d.ServiceProviderId = :service_provider_id
        AND d.ICCID = i.[value]
        AND CAST(d.ICCID AS varbinary(100)) = CAST(i.[value] AS varbinary(100))
        AND d.IsDeleted = 0;

INSERT INTO dbo.DeviceChangeRequest (ChangeRequest, CreatedBy, CreatedDate, IsActive, IsDeleted)
OUTPUT INSERTED.id, INSERTED.ChangeRequest INTO @payloads
SELECT
    CONCAT(
        N'{"Number":',
        CASE WHEN r.msisdn IS NULL THEN N'null' ELSE CONCAT(N'"', STRING_ESCAPE(r.msisdn, 'json'), N'"') END,
        N',"ICCID":"', STRING_ESCAPE(r.iccid, 'json'),
        N'","DeviceId":', COALESCE(CAST(r.device_id AS nvarchar(20)), N'null'),
        N',"EffectiveDate":"', REPLACE(CONVERT(nvarchar(23), r.effective_date, 121), N' ', N'T'), N'Z",',
        SUBSTRING(CAST(:template AS nvarchar(MAX)), 2, LEN(:template))
    ),
    :actor, :now, 1, 0
FROM @requested AS r;

-- Every ICCID of the request gets its row, whatever its text.
INSERT INTO dbo.M2M_DeviceChange (
    BulkChangeId, DeviceChangeRequestId, DeviceId, ICCID, MSISDN, Status, IsProcessed, HasErrors,
    CreatedBy, CreatedDate, IsActive, IsDeleted
)
SELECT :bulk_change_id, p.id, r.device_id, r.iccid, r.msisdn, 'NEW', 0, 0, :actor, :now, 1, 0
FROM @requested AS r
LEFT JOIN @payloads AS p ON r.iccid = JSON_VALUE(p.payload, '$.ICCID')
ORDER BY r.place;

INSERT INTO device_association.requested_device (
    M2MDeviceChangeId, BulkChangeId, TermsId, EffectiveDate, ActivatedDate
)
SELECT m.id, :bulk_change_id, t.id, :effective_date, :activated_date
FROM @requested AS r
INNER JOIN dbo.M2M_DeviceChange AS m ON m.BulkChangeId = :bulk_change_id AND m.ICCID = r.iccid
INNER JOIN device_association.request_terms AS t
    ON t.BulkChangeId = :bulk_change_id AND t.TermsHash = :terms_hash;

-- Writes one row, one payload and one requested device for each ICCID of a new bulk change, in the order of the request.
-- A second run fails on the unique key (BulkChangeId, ICCID), and with it the whole transaction.
WITH requested AS (
    SELECT
        NEXTVAL((SELECT CAST(PG_GET_SERIAL_SEQUENCE('dbo.m2m_devicechange', 'id') AS regclass))) AS row_id,
        NEXTVAL((SELECT CAST(PG_GET_SERIAL_SEQUENCE('dbo.devicechangerequest', 'id') AS regclass))) AS request_id,
        i.iccid,
        d.id AS device_id,
        d.MSISDN AS msisdn,
        COALESCE(
            CAST(:effective_date AS timestamptz),
            d.DateActivated,
            (
                SELECT MIN(h.DateOfChange)
                FROM dbo.DeviceStatusHistory AS h
                INNER JOIN dbo.DeviceStatus AS s ON UPPER(h.CurrentStatus) = UPPER(s.Status) AND s.IsActiveStatus = 1
                WHERE h.ICCID = i.iccid
            ),
            :now
        ) AS effective_date
    FROM JSONB_ARRAY_ELEMENTS_TEXT(CAST(:iccids AS jsonb)) WITH ORDINALITY AS i (iccid, place)
    LEFT JOIN dbo.Device AS d ON d.ServiceProviderId = :service_provider_id AND d.ICCID = i.iccid AND d.IsDeleted = 0
    ORDER BY i.place
),

payloads AS (
    INSERT INTO dbo.DeviceChangeRequest (id, ChangeRequest, CreatedBy, CreatedDate, IsActive, IsDeleted)
    SELECT
        r.request_id,
        CONCAT(
            '{"Number":', COALESCE(CAST(TO_JSON(r.msisdn) AS text), 'null'), ',"ICCID":', TO_JSON(r.iccid),
            ',"DeviceId":', COALESCE(CAST(r.device_id AS text), 'null'), ',"EffectiveDate":"',
            TO_CHAR(r.effective_date AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '",',
            SUBSTR(:template, 2)
        ),
        :actor, :now, 1, 0
    FROM requested AS r
),

device_changes AS (
    INSERT INTO dbo.M2M_DeviceChange (
        id, BulkChangeId, DeviceChangeRequestId, DeviceId, ICCID, MSISDN, Status, IsProcessed, HasErrors,
        CreatedBy, CreatedDate, IsActive, IsDeleted
    )
    SELECT r.row_id, :bulk_change_id, r.request_id, r.device_id, r.iccid, r.msisdn, 'NEW', 0, 0, :actor, :now, 1, 0
    FROM requested AS r
)

INSERT INTO device_association.requested_device (
    M2MDeviceChangeId, BulkChangeId, TermsId, EffectiveDate, ActivatedDate
)
SELECT r.row_id, :bulk_change_id, t.id, :effective_date, :activated_date
FROM requested AS r
INNER JOIN device_association.request_terms AS t
    ON t.BulkChangeId = :bulk_change_id AND t.TermsHash = :terms_hash

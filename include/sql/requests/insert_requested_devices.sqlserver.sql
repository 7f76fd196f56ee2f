-- Keeps what the payloads that the portal wrote ask for each device.
-- Safe to run twice: a row that was read before stays as it is.
INSERT INTO device_association.requested_device (
    M2MDeviceChangeId, BulkChangeId, TermsId, EffectiveDate, ActivatedDate
)
SELECT r.row_id, :bulk_change_id, t.id, r.effective_date, r.activated_date
FROM
    OPENJSON (:devices)
    WITH (
        row_id bigint '$.row_id',
        terms_hash char(64) '$.terms_hash',
        effective_date datetime2(3) '$.effective_date',
        activated_date datetime2(3) '$.activated_date'
    ) AS r
INNER JOIN device_association.request_terms AS t
    ON t.BulkChangeId = :bulk_change_id AND r.terms_hash = t.TermsHash
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.requested_device AS d WITH (UPDLOCK, HOLDLOCK)
        WHERE d.M2MDeviceChangeId = r.row_id
    );

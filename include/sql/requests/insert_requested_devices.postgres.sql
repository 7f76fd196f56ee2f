-- Keeps what the payloads that the portal wrote ask for each device.
-- Safe to run twice: a row that was read before stays as it is.
INSERT INTO device_association.requested_device (
    M2MDeviceChangeId, BulkChangeId, TermsId, EffectiveDate, ActivatedDate
)
SELECT r.row_id, :bulk_change_id, t.id, r.effective_date, r.activated_date
FROM
    JSONB_TO_RECORDSET(CAST(:devices AS jsonb))
        AS r (
            row_id bigint, terms_hash text, effective_date timestamptz, activated_date timestamptz
        )
INNER JOIN device_association.request_terms AS t
    ON t.BulkChangeId = :bulk_change_id AND r.terms_hash = t.TermsHash
ON CONFLICT (M2MDeviceChangeId) DO NOTHING

-- Keeps of each row of a revert in a batch whose device it is, and from when on it is given back.
-- A second run fails on the primary key, and with it the whole transaction.
INSERT INTO device_association.requested_device (M2MDeviceChangeId, BulkChangeId, TermsId, EffectiveDate, ActivatedDate)
SELECT m.id, m.BulkChangeId, t.id, :now, d.ActivatedDate
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.M2M_DeviceChange AS o ON o.BulkChangeId = :reverted_change_id AND m.ICCID = o.ICCID
INNER JOIN device_association.requested_device AS d ON o.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS w ON d.TermsId = w.id
INNER JOIN device_association.request_terms AS t ON t.BulkChangeId = :bulk_change_id AND w.TermsHash = t.TermsHash
WHERE m.BulkChangeId = :bulk_change_id AND m.id BETWEEN :first_row_id AND :last_row_id

-- How many devices of a change go to a customer that the user may not use; those whose payload nobody has read yet count.
-- Safe to run twice: reads only.
SELECT COUNT(*) AS hidden_devices
FROM dbo.M2M_DeviceChange AS m
LEFT JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
LEFT JOIN device_association.request_terms AS t ON d.TermsId = t.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.IsDeleted = 0
    AND EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = :user_id)
    AND NOT EXISTS (
        SELECT 1 FROM dbo.PortalUserRevCustomer AS r
        WHERE r.UserId = :user_id AND r.RevCustomerId = t.RevCustomerId AND r.IsActive = 1 AND r.IsDeleted = 0
    )

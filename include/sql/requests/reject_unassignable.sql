-- Marks the open rows whose device is unknown, elsewhere, archived or in a status that allows no customer.
-- A row whose line was begun is brought to its end.
-- Safe to run twice: only rows not yet final are touched; the first rule that matches gives the code.
UPDATE dbo.M2M_DeviceChange
SET
    Status = 'ERROR', ErrorCode = v.code, StatusDetails = v.details, IsProcessed = 1, HasErrors = 1,
    ProcessedBy = :actor, ProcessedDate = :now, ModifiedBy = :actor, ModifiedDate = :now
FROM (
    SELECT
        m.id AS row_id,
        CASE
            WHEN d.id IS NULL THEN 'DEVICE_NOT_FOUND'
            WHEN own.id IS NULL AND inherited.id IS NULL THEN 'DEVICE_NOT_IN_TENANT'
            WHEN d.IsActive = 0 OR UPPER(s.Status) = 'ARCHIVED' THEN 'DEVICE_ARCHIVED'
            WHEN COALESCE(s.AllowsCustomerAssignment, 0) = 0 THEN 'DEVICE_STATUS_NOT_ALLOWED'
        END AS code,
        CASE
            WHEN d.id IS NULL
                THEN CONCAT('DEVICE_NOT_FOUND: service provider ', p.Name, ' has no device with this ICCID; check the number')
            WHEN own.id IS NULL AND inherited.id IS NULL
                THEN CONCAT('DEVICE_NOT_IN_TENANT: the device is not in the inventory of ', t.Name, '; have it moved there')
            WHEN d.IsActive = 0 OR UPPER(s.Status) = 'ARCHIVED'
                THEN 'DEVICE_ARCHIVED: the device is archived; restore it in the portal, then send it again'
            ELSE CONCAT(
                'DEVICE_STATUS_NOT_ALLOWED: a device in status ', COALESCE(s.DisplayName, s.Status, 'unknown'),
                ' cannot be given to a customer; change its status first'
            )
        END AS details
    FROM dbo.M2M_DeviceChange AS m
    INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
    INNER JOIN dbo.ServiceProvider AS p ON c.ServiceProviderId = p.id
    INNER JOIN dbo.Tenant AS t ON c.TenantId = t.id
    LEFT JOIN dbo.Device AS d
        ON m.DeviceId = d.id AND c.ServiceProviderId = d.ServiceProviderId AND d.IsDeleted = 0 AND m.ICCID = d.ICCID
    LEFT JOIN dbo.DeviceStatus AS s ON d.DeviceStatusId = s.id
    LEFT JOIN dbo.Device_Tenant AS own ON d.id = own.DeviceId AND c.TenantId = own.TenantId
    LEFT JOIN dbo.Device_Tenant AS inherited ON d.id = inherited.DeviceId AND t.ParentTenantId = inherited.TenantId
    WHERE
        m.BulkChangeId = :bulk_change_id
        AND m.id BETWEEN :first_row_id AND :last_row_id
        AND m.IsProcessed = 0
        AND NOT EXISTS (
            SELECT 1 FROM device_association.line_intent AS i
            WHERE i.M2MDeviceChangeId = m.id AND i.State IN ('CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED')
        )
) AS v
WHERE dbo.M2M_DeviceChange.id = v.row_id AND v.code IS NOT NULL

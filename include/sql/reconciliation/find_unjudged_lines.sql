-- The active records of an account with the digits of a SIM of ours that cannot be judged: without an id, or with a number that
-- was sent without its last digits, or as a list or an object. They have no date that says when they came to be: each interval
-- reports them. Safe to run twice: reads only.
SELECT
    'LINE_NOT_READABLE' AS kind,
    CONCAT('record ', u.AccountId, '/', u.LineKey) AS subject,
    CASE
        WHEN u.RevServiceId IS NULL THEN CONCAT('Rev.io shows a record for SIM ', MIN(d.ICCID), ' without an id that can be read')
        ELSE CONCAT(
            'Rev.io shows line ', u.RevServiceId, ' with a number that cannot be read and may be SIM ',
            MIN(d.ICCID)
        )
    END AS detail,
    MIN(a.TenantId) AS tenant_id,
    MIN(d.ICCID) AS iccid,
    u.RevServiceId AS service_id
FROM device_association.unjudged_sim AS u
INNER JOIN dbo.Integration_Authentication AS a ON u.AccountId = a.id
INNER JOIN dbo.Tenant AS own ON a.TenantId = own.id
INNER JOIN dbo.Device AS d ON u.DeviceId = d.id AND d.IsDeleted = 0
INNER JOIN dbo.Device_Tenant AS x ON d.id = x.DeviceId AND x.IsDeleted = 0
INNER JOIN dbo.Tenant AS t
    ON x.TenantId = t.id AND (t.id = own.id OR t.ParentTenantId = own.id OR t.id = own.ParentTenantId)
WHERE
    u.AccountId = :account_id
    AND (u.DisconnectedDate IS NULL OR u.DisconnectedDate > :listed)
    AND NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = d.ICCID)
GROUP BY u.AccountId, u.LineKey, u.RevServiceId

-- The calls whose outcome nobody learned before their row and their change ended: the accounts take turns, each with the call
-- first that was looked up longest ago. Safe to run twice: reads only.
SELECT
    m.id AS row_id,
    m.ICCID AS iccid,
    m.MSISDN AS msisdn,
    i.id AS intent_id,
    i.State AS state,
    i.LookedDate AS looked,
    i.CalledDate AS called,
    i.CalledBody AS called_body,
    i.RevServiceId AS service_id,
    i.ModifiedDate AS settled,
    i.EndsRevServiceId AS ends_service_id,
    o.ICCID AS line_owner,
    f.State AS reverted_state,
    f.id AS reverted_intent_id,
    n.RevServiceId AS named_service_id,
    n.IntegrationAuthenticationId AS named_account_id,
    n.Actor AS named_by,
    n.Reason AS named_reason,
    i.IntegrationAuthenticationId AS account_id,
    a.ConnectionId AS connection_id,
    k.id AS customer_id,
    k.RevCustomerId AS customer_number,
    t.ServiceTypeId AS service_type_id,
    t.ProviderId AS provider_id,
    t.UsagePlanGroupId AS usage_plan_group_id,
    t.RevPackageId AS rev_package_id,
    t.RevProductIdList AS rev_product_id_list,
    t.RateList AS rate_list,
    t.Prorate AS prorate,
    t.Description AS description,
    b.TimeZone AS time_zone,
    d.EffectiveDate AS effective_date,
    COALESCE(
        d.ActivatedDate,
        v.DateActivated,
        (
            SELECT MIN(h.DateOfChange)
            FROM dbo.DeviceStatusHistory AS h
            INNER JOIN dbo.DeviceStatus AS x ON UPPER(h.CurrentStatus) = UPPER(x.Status) AND x.IsActiveStatus = 1
            WHERE h.ICCID = m.ICCID
        )
    ) AS activated_date,
    c.id AS bulk_change_id,
    c.TenantId AS tenant_id,
    s.RetryNumber AS retry_number
FROM device_association.line_intent AS i
INNER JOIN dbo.M2M_DeviceChange AS m ON i.M2MDeviceChangeId = m.id
INNER JOIN dbo.DeviceBulkChange AS c ON i.BulkChangeId = c.id
INNER JOIN device_association.change_state AS s ON c.id = s.BulkChangeId
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS k ON i.RevCustomerId = k.id
INNER JOIN dbo.Integration_Authentication AS a ON i.IntegrationAuthenticationId = a.id
INNER JOIN dbo.Tenant AS b ON c.TenantId = b.id
LEFT JOIN dbo.Device AS v ON i.DeviceId = v.id
LEFT JOIN device_association.rev_line_owner AS o
    ON i.EndsRevServiceId = o.RevServiceId AND i.IntegrationAuthenticationId = o.IntegrationAuthenticationId
LEFT JOIN device_association.named_line AS n ON m.id = n.M2MDeviceChangeId
LEFT JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
LEFT JOIN device_association.line_intent AS f ON r.LineIntentId = f.id
WHERE
    (i.State = 'UNKNOWN' OR (i.State = 'CALLING' AND i.LeaseUntil <= :now))
    AND m.IsProcessed = 1
    AND c.Status NOT IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
ORDER BY ROW_NUMBER() OVER (PARTITION BY i.IntegrationAuthenticationId ORDER BY i.ModifiedDate, i.id), i.ModifiedDate, i.id OFFSET 0 ROWS FETCH NEXT :most ROWS ONLY -- noqa: PRS

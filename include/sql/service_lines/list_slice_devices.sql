-- The devices of one slice whose row is open and whose line and products are not all settled. A row that was deleted before its
-- call is left out: nobody may call for it.
-- Safe to run twice: reads only.
SELECT
    m.id AS row_id,
    m.BulkChangeId AS bulk_change_id,
    CAST(:retry_number AS int) AS retry_number,
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
    c.id AS customer_id,
    c.RevCustomerId AS customer_number,
    t.ServiceTypeId AS service_type_id,
    t.ProviderId AS provider_id,
    t.UsagePlanGroupId AS usage_plan_group_id,
    t.RevPackageId AS rev_package_id,
    t.RevProductIdList AS rev_product_id_list,
    t.RateList AS rate_list,
    t.Prorate AS prorate,
    t.Description AS description,
    e.TenantId AS tenant_id,
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
    ) AS activated_date
FROM dbo.M2M_DeviceChange AS m
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN device_association.line_intent AS i
    ON m.id = i.M2MDeviceChangeId AND i.State IN ('PLANNED', 'CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED')
INNER JOIN dbo.RevCustomer AS c ON i.RevCustomerId = c.id
INNER JOIN dbo.DeviceBulkChange AS e ON m.BulkChangeId = e.id
INNER JOIN dbo.Tenant AS b ON e.TenantId = b.id
INNER JOIN dbo.Integration_Authentication AS a ON i.IntegrationAuthenticationId = a.id
INNER JOIN dbo.Device AS v ON m.DeviceId = v.id
LEFT JOIN device_association.rev_line_owner AS o
    ON i.EndsRevServiceId = o.RevServiceId AND i.IntegrationAuthenticationId = o.IntegrationAuthenticationId
LEFT JOIN device_association.named_line AS n ON m.id = n.M2MDeviceChangeId
LEFT JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
LEFT JOIN device_association.line_intent AS f ON r.LineIntentId = f.id
WHERE
    m.BulkChangeId = :bulk_change_id
    AND m.id BETWEEN (
        SELECT s.FirstRowId FROM device_association.rev_service_slice AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.SliceNumber = :slice_number
    )
    AND (
        SELECT s.LastRowId FROM device_association.rev_service_slice AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.SliceNumber = :slice_number
    )
    AND m.IsProcessed = 0
    AND m.Status = 'PROCESSING'
    AND (m.IsDeleted = 0 OR i.State <> 'PLANNED')
    AND i.ReadyDate IS NULL
ORDER BY m.id

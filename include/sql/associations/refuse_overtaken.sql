-- Refuses the plans of a batch whose device another program gave to somebody else between the decision and its effect: such
-- a device was not touched.
-- Safe to run twice: only plans not yet refused are touched.
UPDATE device_association.plan_outcome
SET
    Outcome = 'CUSTOMER_CHANGED',
    Detail = CONCAT(
        'CUSTOMER_CHANGED: the device was given to another customer while its plan was being set; if the plan is ',
        'wanted still, associate the device with it again'
    )
FROM (
    SELECT o.QueueId
    FROM device_association.plan_outcome AS o
    LEFT JOIN dbo.Device_Tenant AS t ON o.DeviceId = t.DeviceId AND o.TenantId = t.TenantId AND t.IsDeleted = 0
    LEFT JOIN device_association.requested_device AS r ON o.M2MDeviceChangeId = r.M2MDeviceChangeId
    LEFT JOIN device_association.request_terms AS w ON r.TermsId = w.id
    LEFT JOIN dbo.RevCustomer AS k ON w.RevCustomerId = k.id
    WHERE
        o.BatchId = :batch_id
        AND o.Outcome = 'APPLIED'
        AND (
            t.id IS NULL
            OR (
                k.id IS NOT NULL
                AND (
                    COALESCE(t.AccountNumber, '') <> k.RevCustomerId
                    OR COALESCE(t.AccountNumberIntegrationAuthenticationId, 0)
                    <> COALESCE(k.IntegrationAuthenticationId, 0)
                )
            )
        )
) AS v
WHERE device_association.plan_outcome.QueueId = v.QueueId

-- Records the lines that a worker's calls created, and returns which SIMs have theirs; a line without products is ready,
-- unless a later change has taken the intent over, which may want some.
-- Safe to run twice: only the owner's own calls are settled, and only with a line that belongs to the SIM.
DECLARE @settled TABLE (intent_id bigint NOT NULL);
UPDATE device_association.line_intent
SET
    State = 'CREATED', RevServiceId = r.service_id, LeaseOwner = NULL, LeaseUntil = NULL,
    Detail = CONCAT('line ', r.service_id, ' created'),
    ReadyDate = CASE
        WHEN r.is_ready = 1 AND device_association.line_intent.M2MDeviceChangeId = r.row_id THEN CAST(:now AS datetime2(3))
    END,
    ModifiedDate = :now
OUTPUT INSERTED.id INTO @settled (intent_id)
FROM
    OPENJSON (:lines)
    WITH (
        intent_id bigint '$.intent_id', row_id bigint '$.row_id', service_id int '$.service_id', is_ready int '$.is_ready'
    ) AS r
INNER JOIN device_association.rev_line_owner AS o ON r.service_id = o.RevServiceId
WHERE
    device_association.line_intent.id = r.intent_id
    AND device_association.line_intent.State = 'CALLING'
    AND device_association.line_intent.LeaseOwner = :owner
    AND o.IntegrationAuthenticationId = device_association.line_intent.IntegrationAuthenticationId
    AND o.ICCID = device_association.line_intent.ICCID;
SELECT intent_id FROM @settled;

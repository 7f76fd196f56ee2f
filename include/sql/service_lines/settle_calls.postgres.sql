-- Records the lines that a worker's calls created, and returns which SIMs have theirs; a line without products is ready,
-- unless a later change has taken the intent over, which may want some.
-- Safe to run twice: only the owner's own calls are settled, and only with a line that belongs to the SIM.
UPDATE device_association.line_intent AS i
SET
    State = 'CREATED', RevServiceId = r.service_id, LeaseOwner = NULL, LeaseUntil = NULL,
    Detail = CONCAT('line ', r.service_id, ' created'),
    ReadyDate = CASE WHEN r.is_ready = 1 AND i.M2MDeviceChangeId = r.row_id THEN :now END, ModifiedDate = :now
FROM JSONB_TO_RECORDSET(CAST(:lines AS jsonb)) AS r (intent_id bigint, row_id bigint, service_id int, is_ready int)
WHERE
    i.id = r.intent_id
    AND i.State = 'CALLING'
    AND i.LeaseOwner = :owner
    AND i.ICCID = (
        SELECT o.ICCID FROM device_association.rev_line_owner AS o
        WHERE o.IntegrationAuthenticationId = i.IntegrationAuthenticationId AND o.RevServiceId = r.service_id -- noqa: RF01
    )
RETURNING i.id AS intent_id

-- Records the line of a SIM: created by the owner's call, found after a call whose outcome was unknown, or adopted.
-- Safe to run twice: only an open intent is settled; a call that is out, only by its owner; a planned one, which nobody has
-- called for yet, only while the run holds the change and nobody has stopped it.
UPDATE device_association.line_intent
SET
    State = :state, RevServiceId = :service_id, LeaseOwner = NULL, LeaseUntil = NULL, UnknownSince = NULL,
    Detail = :detail, ModifiedDate = :now
WHERE
    id = :intent_id
    AND (
        State = 'UNKNOWN'
        OR (State = 'CALLING' AND LeaseOwner = :owner)
        OR (
            State = 'PLANNED'
            AND EXISTS (
                SELECT 1 FROM device_association.change_state AS s
                WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
            )
            AND NOT EXISTS (
                SELECT 1 FROM device_association.change_stop AS x
                WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
            )
        )
    )

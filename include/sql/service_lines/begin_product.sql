-- Begins the call for one product of a line, or for one that was refused in an earlier retry. A stop does not end it: a line
-- that was begun is brought to its end.
-- Safe to run twice: only one worker finds it planned or refused, or its lease run out before its look-up, and only while
-- its run holds the change.
UPDATE device_association.rev_product_step
SET State = 'CALLING', LeaseUntil = :lease_until, Detail = NULL, ModifiedDate = :now
WHERE
    IntentId = :intent_id
    AND ProductId = :product_id
    AND EndsServiceProductId = :ends_service_product_id
    AND (State IN ('PLANNED', 'REJECTED') OR (State = 'CALLING' AND :was_calling = 1 AND LeaseUntil <= :looked_up))
    AND EXISTS (
        SELECT 1 FROM device_association.change_state AS s
        WHERE s.BulkChangeId = :bulk_change_id AND s.RetryNumber = :retry_number AND s.ClaimRunId = :run_id
    )

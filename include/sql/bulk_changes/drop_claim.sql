-- Takes the claim back that a run of the form got with its change, in the transaction that lets the change wait.
-- Safe to run twice: there is no claim left.
UPDATE device_association.change_state SET ClaimRunId = NULL, ClaimedDate = NULL
WHERE BulkChangeId = :bulk_change_id

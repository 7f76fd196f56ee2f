-- Why a change waits or waited for approval, and the answer.
-- Safe to run twice: reads only.
SELECT
    a.Why AS why,
    a.AskedBy AS asked_by,
    a.AskedDate AS asked,
    a.ExpiresDate AS expires,
    a.Answer AS answer,
    a.AnsweredBy AS answered_by,
    a.AnsweredDate AS answered
FROM device_association.approval AS a
WHERE a.BulkChangeId = :bulk_change_id

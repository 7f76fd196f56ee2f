-- Lets one worker list an account that was not listed since the day began, or whose list shifted in each pass a while ago.
-- Safe to run twice: only one worker finds it free, or the lease of a dead one run out.
UPDATE device_association.revio_snapshot
SET LeaseOwner = :owner, LeaseUntil = :lease_until
WHERE
    IntegrationAuthenticationId = :account_id
    AND (ListedDate IS NULL OR ListedDate < :day OR (IsWhole = 0 AND ListedDate < :shifted_before))
    AND (LeaseUntil IS NULL OR LeaseUntil <= :now)

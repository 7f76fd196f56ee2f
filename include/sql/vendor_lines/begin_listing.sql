-- Lets one worker list an account that was not listed since the day began.
-- Safe to run twice: only one worker finds it free, or the lease of a dead one run out.
UPDATE device_association.vendor_listing
SET LeaseOwner = :owner, LeaseUntil = :lease_until
WHERE
    IntegrationAuthenticationId = :account_id
    AND (ListedDate IS NULL OR ListedDate < :day)
    AND (LeaseUntil IS NULL OR LeaseUntil <= :now)

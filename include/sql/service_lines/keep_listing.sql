-- Holds the lease of a listing that goes on.
-- Safe to run twice: only its owner's is touched.
UPDATE device_association.revio_snapshot SET LeaseUntil = :lease_until
WHERE IntegrationAuthenticationId = :account_id AND LeaseOwner = :owner

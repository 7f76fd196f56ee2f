-- Gives a listing back that came to nothing.
-- Safe to run twice: only its owner's is touched.
UPDATE device_association.revio_snapshot SET LeaseOwner = NULL, LeaseUntil = NULL
WHERE IntegrationAuthenticationId = :account_id AND LeaseOwner = :owner

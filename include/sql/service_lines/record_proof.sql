-- Records whether an account's filters on numbers were seen to work; not: nobody relies on them.
-- Safe to run twice: the last answer counts.
UPDATE device_association.revio_snapshot SET ProvenDate = :proven
WHERE IntegrationAuthenticationId = :account_id

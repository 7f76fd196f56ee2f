-- Lets one worker read what was created in an account since the last look; the others go on with that meanwhile.
-- Safe to run twice: for a few seconds only one worker begins.
UPDATE device_association.revio_snapshot SET LookBegunDate = :now
WHERE IntegrationAuthenticationId = :account_id AND (LookBegunDate IS NULL OR LookBegunDate <= :begun_before)

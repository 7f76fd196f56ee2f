-- Adds to what an account's filters on numbers would miss what a look at it has shown.
-- Safe to run twice: too high a number only makes whole lists be read.
UPDATE device_association.revio_snapshot
SET IrregularLines = COALESCE(IrregularLines, 0) + :irregular, IccidLengths = :iccid_lengths
WHERE IntegrationAuthenticationId = :account_id

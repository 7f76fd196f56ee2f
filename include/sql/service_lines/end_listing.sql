-- Records that an account was listed, in the transaction that keeps its lines.
-- Safe to run twice: only by who holds the lease, once.
UPDATE device_association.revio_snapshot
SET
    ListedDate = :listed, LineCount = :line_count, IsWhole = :is_whole, LookedDate = :listed, NewestDate = :newest,
    NewestServiceId = :newest_id, ProvenDate = NULL, IrregularLines = :irregular, IccidLengths = :iccid_lengths,
    LeaseOwner = NULL, LeaseUntil = NULL
WHERE IntegrationAuthenticationId = :account_id AND LeaseOwner = :owner

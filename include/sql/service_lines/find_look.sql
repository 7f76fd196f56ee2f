-- What is known of an account's lines: since when, by which line that is newest, and how far its filters can be trusted.
-- Safe to run twice: reads only.
SELECT
    g.ListedDate AS listed,
    g.LineCount AS line_count,
    g.IsWhole AS is_whole,
    g.LookedDate AS looked,
    g.NewestDate AS newest,
    g.NewestServiceId AS newest_id,
    g.ProvenDate AS proven,
    g.IrregularLines AS irregular,
    g.IccidLengths AS iccid_lengths
FROM device_association.revio_snapshot AS g
WHERE g.IntegrationAuthenticationId = :account_id

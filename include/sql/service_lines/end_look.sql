-- Records that what was created in an account before a moment is known.
-- Safe to run twice: an older look never replaces a newer one.
UPDATE device_association.revio_snapshot
SET
    LookedDate = :looked,
    NewestDate = CASE WHEN NewestDate IS NULL OR NewestDate < :newest THEN :newest ELSE NewestDate END,
    NewestServiceId = CASE WHEN NewestDate IS NULL OR NewestDate < :newest THEN :newest_id ELSE NewestServiceId END
WHERE IntegrationAuthenticationId = :account_id AND LookedDate < :looked

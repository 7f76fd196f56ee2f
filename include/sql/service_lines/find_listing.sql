-- When an account was listed last, whether that showed all of it, and until when somebody else may be listing it.
-- Safe to run twice: reads only.
SELECT
    g.ListedDate AS listed_date, g.IsWhole AS is_whole, g.LineCount AS line_count, g.LeaseUntil AS lease_until
FROM device_association.vendor_listing AS g
WHERE g.IntegrationAuthenticationId = :account_id

"""Access to the portal's database: engines, statement files, transactions, dialects, batches, search patterns."""

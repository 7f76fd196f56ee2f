"""The life of one bulk change: access, locks, claims, steps, stops, closing, and changes that were reverted or deleted."""

"""The life of one bulk change: access, claims, closing, and changes that were reverted or deleted."""
